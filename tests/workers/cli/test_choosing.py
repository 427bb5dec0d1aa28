"""The one question of a terminal that nobody has chosen a profile for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from pydantic import SecretStr

from bot.domain.budget import Limits
from bot.profiles import library
from bot.settings import Settings
from bot.store.spending import Accounts
from bot.store.store import Store
from tests.factories import paper
from tests.servers import model as loopback
from tests.servers.fake_http import arxiv_api, error_reply, run_fake_server
from workers.arxiv.client import ArxivClient
from workers.cli import choosing
from workers.cli.screen import Screen

NOWHERE = "http://127.0.0.1:9/"
SETTINGS = Settings(ARXIV_RSS_URL=NOWHERE, ARXIV_API_URL=NOWHERE, PAPERBOY_MEANING=False)


def chosen(
    monkeypatch: pytest.MonkeyPatch, store: Store, *typed: str, settings: Settings = SETTINGS
) -> str:
    """What comes of typing these lines."""
    lines: Iterator[str] = iter(typed)

    def read_line(prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(choosing, "read_line", read_line)
    chooser = choosing.Chooser(store, settings, Screen(), "terminal:")
    return chooser.choose(library.shipped(), "foundations")


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
    name = chosen(monkeypatch, store, "99", "9" * 5000, "nobody", sentence)
    said = capsys.readouterr().out
    assert "Type a number from 1 to 7" in said
    assert 'No profile is called "nobody"' in said
    assert "Drafted from your words, without a model: " in said
    assert "• mixture of experts in language models" in said
    assert f"This terminal shows {name} from now on." in said
    assert store.profiles.shared()[name].topics[0].name == "pruning of neural networks"
    assert store.profiles.for_terminal() == name


def test_who_answers_nothing_is_asked_again_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen(monkeypatch, store) == "foundations"
    assert store.profiles.for_terminal() == ""


SENTENCE = "We work on machine learning for tides"


def with_model(url: str, **settings: object) -> Settings:
    named = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "k", **settings}
    return Settings.model_validate(SETTINGS.model_dump(by_alias=True) | named)


def test_with_a_model_it_drafts_and_the_terminal_pays(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_fake_server(loopback.answer) as model:
        name = chosen(monkeypatch, store, SENTENCE, settings=with_model(model.url))
        assert len(model.requests) == 1
    assert "Drafted by the model: What a model drafts" in capsys.readouterr().out
    assert store.profiles.shared()[name].title == "What a model drafts"
    costs = Accounts(store).costs("terminal:", Limits(), Limits(), datetime.now(UTC))
    assert {name: each.month.tokens for name, each in costs.profiles.items()} == {"drafts": 120}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "So this draft is made without the model."),
        ({"PAPERBOY_DAY_TOKENS": 10}, "Today's limit of 10 tokens for this workspace"),
    ],
)
def test_without_an_answer_the_words_draft_and_one_sentence_says_so(
    settings: dict[str, object],
    why: str,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with run_fake_server(lambda path, body: error_reply(401, "invalid_api_key")) as model:
        used = with_model(model.url, **settings)
        name = chosen(monkeypatch, store, SENTENCE, settings=used)
        assert len(model.requests) == (not settings)
    said = " ".join(capsys.readouterr().out.split())
    assert "Drafted from your words, without a model: " in said
    assert said.count("So this draft is made without the model.") == 1
    assert why in said
    assert store.profiles.shared()[name].topics[0].name == "machine learning for tides"


def test_of_several_people_of_a_name_one_is_chosen_by_number(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choosing, "ArxivClient", partial(ArxivClient, pause=0.0))
    papers = [
        paper("2503.00001", title="Tides of large moons"),
        paper("2503.00002", title="Tides of small moons"),
        paper("2503.00003", authors=("Ada Lovelace", "E. Noether"), categories=("quant-ph",)),
    ]
    with run_fake_server(arxiv_api(papers)) as sky:
        settings = SETTINGS.model_copy(update={"arxiv_api_url": SecretStr(f"{sky.url}/api")})
        name = chosen(monkeypatch, store, "by Ada Lovelace", "9", "2", settings=settings)
    said = capsys.readouterr().out
    assert 'Who is "Ada Lovelace"?' in said
    assert "Type a number from 0 to 2." in said
    made = store.profiles.shared()[name]
    assert made.categories == ("quant-ph",)
    assert made.authors.follow == ("Ada Lovelace",)
