"""README.md's pictures show what the chats are sent today. Whether they do is told without
Chromium: by what they were drawn from."""

from __future__ import annotations

import json

import pytest

from bot.errors import Refused
from tests.conftest import check_golden
from tests.pictures import chromium
from tests.pictures.__main__ import DRAWN_FROM, FOLDER, digests
from tests.pictures.day import RENDER, SCORED, day, sent
from workers.judging.top_papers import parse_reply


@pytest.mark.parametrize("chat", RENDER)
def test_a_picture_shows_what_the_chat_is_sent(chat: str) -> None:
    shown = sent(chat, 5)[:2]  # the parent and a card
    check_golden(
        f"readme/{chat}_picture.json", json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    )


def test_no_picture_is_old() -> None:
    drawn = json.loads(DRAWN_FROM.read_text(encoding="utf-8"))
    old = [name for name, found in digests().items() if drawn.get(name) != found]
    assert not old, f"docs/pictures: {old} are old; draw them anew: python -m tests.pictures"
    readme = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    for name in drawn:
        assert f'src="docs/pictures/{name}"' in readme
        assert (FOLDER / name).read_bytes().startswith(b"\x89PNG\r\n")


def test_the_sentences_are_ones_that_the_program_would_show() -> None:
    """No number in them is made up, and none is cut."""
    said = {id: {"id": id, "shows": row[2], "why": row[3]} for id, row in SCORED.items()}
    papers = [d.paper for d in day(10).decisions if d.paper.id in SCORED]
    read = parse_reply(json.dumps({"order": list(said.values())}), papers)
    assert read
    assert {id: (s.shows, s.why) for id, s in read.written.items()} == {
        id: row[2:] for id, row in SCORED.items()
    }
    for row in SCORED.values():  # as long as prompts/top.md.j2 allows
        assert len(row[2].split()) <= 16
        assert len(row[3].split()) <= 8


def test_without_chromium_one_sentence_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Refused, match="install Chromium: none of chromium, "):
        chromium.heights([("", 420)])
