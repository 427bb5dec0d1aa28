"""The one question of a terminal that nobody has chosen a profile for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.profiles import library
from bot.settings import Settings
from bot.store.store import Store
from workers.cli import choosing
from workers.cli.screen import Screen

NOWHERE = "http://127.0.0.1:9/"
SETTINGS = Settings(ARXIV_RSS_URL=NOWHERE, ARXIV_API_URL=NOWHERE, PAPERBOY_MEANING=False)


def chosen(monkeypatch: pytest.MonkeyPatch, store: Store, *typed: str) -> str:
    """What comes of typing these lines."""
    lines: Iterator[str] = iter(typed)

    def read_line(prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(choosing, "read_line", read_line)
    return choosing.choose(library.shipped(), "foundations", store, SETTINGS, Screen())


@pytest.mark.parametrize(
    ("typed", "name"), [("", "foundations"), ("3", "exoplanets"), ("Exoplanets", "exoplanets")]
)
def test_a_number_a_name_or_enter_is_remembered(
    typed: str, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen(monkeypatch, store, typed) == name
    assert store.profiles.for_terminal() == name


def test_a_sentence_becomes_a_profile_of_the_installation(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "pruning of neural networks, mixture of experts in language models"
    name = chosen(monkeypatch, store, "99", "nobody", sentence)
    said = capsys.readouterr().out
    assert "Type a number from 1 to 7" in said
    assert 'No profile is called "nobody"' in said
    assert f"This terminal shows {name} from now on." in said
    assert store.profiles.shared()[name].topics[0].name == "pruning of neural networks"
    assert store.profiles.for_terminal() == name


def test_who_answers_nothing_is_asked_again_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen(monkeypatch, store) == "foundations"
    assert store.profiles.for_terminal() == ""
