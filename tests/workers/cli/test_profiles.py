"""`paperboy profiles` as a person uses it: four questions, a description, a file and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.errors import Refused
from bot.profiles import library
from tests.processes import stop_server
from workers.__main__ import app


@pytest.fixture
def paperboy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAPERBOY_DATA_DIR", str(tmp_path / "data"))
    yield CliRunner()
    stop_server(tmp_path / "data")


def said(paperboy: CliRunner, *words: str, typed: str = "") -> str:
    """What `paperboy profiles` prints; raises what it raises."""
    return paperboy.invoke(app, ["profiles", *words], input=typed, catch_exceptions=False).stdout


def test_four_answers_make_a_profile(paperboy: CliRunner, tmp_path: Path) -> None:
    typed = (
        "Pruning: removing weights, heads and layers\nQuantization: weights in few bits\n\n"
        "Pruning: of trees\n\n\n\n"
    )
    shown = said(paperboy, "new", typed=typed)
    assert shown.count("?") == 4
    assert "Enter takes cs.LG, cs.CL." in shown
    assert "Enter takes Pruning." in shown
    assert "Added: pruning — Pruning (cs.LG, cs.CL)." in shown
    assert "paperboy day pruning" in shown
    (tmp_path / "saved.toml").write_text(said(paperboy, "show", "pruning", "--toml"))
    found = library.load(tmp_path / "saved.toml")
    assert (found.name, found.maximum) == ("pruning", 10)
    assert [(topic.name, topic.irrelevant) for topic in found.topics] == [
        ("Pruning", "of trees"),
        ("Quantization", ""),
    ]


def test_a_wrong_answer_is_asked_again_and_nothing_else(paperboy: CliRunner) -> None:
    typed = "Soup\n\n\ncs.LGG\nFoundations\ncs.LG\nSoup of the day\n"
    shown = said(paperboy, "new", typed=typed)
    assert '"cs.LGG" is not an arXiv category; did you mean cs.LG?' in shown
    assert "There is already a profile called foundations; choose another title." in shown
    assert shown.count("What does your group work on?") == 1
    assert shown.count("Which arXiv categories?") == 2
    assert "Added: soup-of-the-day — Soup of the day (cs.LG)." in shown


def test_a_description_makes_a_profile_without_a_question(paperboy: CliRunner) -> None:
    result = paperboy.invoke(app, ["profiles", "new", "quantum error correction; magic states"])
    assert "Guessed from the description: quant-ph. To name others: --categories." in result.stderr
    assert "quantum-error-correction — Quantum error correction (quant-ph)" in result.stdout
    shown = said(paperboy, "new", "Soup", "--title", "Dinner", "--categories", "Robotics, cs.LG")
    assert "dinner — Dinner (cs.RO, cs.LG)" in shown
    assert "dinner — Dinner (cs.RO, cs.LG)" in said(paperboy)


def test_what_cannot_be_made_makes_nothing(paperboy: CliRunner) -> None:
    for words, sentence in (
        (("new", "soup"), "isn't clear which arXiv categories"),
        (("new", "soup", "--categories", "cs.LGG"), "did you mean cs.LG?"),
        (("new", "", "--categories", "cs.LG"), "must have at least one entry"),
        (("new",), "were not answered to the end"),
    ):
        with pytest.raises(Refused, match=sentence.replace("?", r"\?")):
            said(paperboy, *words)
    assert "soup" not in said(paperboy)


def test_a_profile_that_ships_goes_through_a_file(paperboy: CliRunner, tmp_path: Path) -> None:
    text = said(paperboy, "show", "exoplanets", "--toml")
    (tmp_path / "mine.toml").write_text(text.replace('"exoplanets"', '"mine"', 1))
    assert "Added: mine — Exoplanets" in said(paperboy, "import", "mine.toml")
    assert said(paperboy, "show", "mine", "--toml").replace('"mine"', '"exoplanets"', 1) == text


def test_a_draft_is_printed_where_the_database_cannot_be_reached(
    paperboy: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("PAPERBOY_MEANING", "false")
    asked = ["profiles", "draft", "--text", "We study quantum error correction."]
    result = paperboy.invoke(app, asked, catch_exceptions=False)
    assert 'title = "Quantum error correction"  # from your text' in result.stdout
    assert "nothing listens there. This command does without." in result.stderr
