"""The list of targets: a name, what is checked, and the words that such an input has.

A check takes bytes, and raises AssertionError for a broken promise; anything else it raises got out
behind the one door for that input, and is a fault as well. A reader that does not exist yet is one
more function, one more line here, and a few files in corpus/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.fuzz.checks import (
    addresses,
    commands,
    discord_events,
    drafts,
    feeds,
    profiles,
    programs,
    replies,
    screens,
    slack_events,
    stored,
    words,
)


@dataclass(frozen=True)
class Target:
    """`dictionary` names a file of dictionaries/, in libFuzzer's form; `inputs` is how many the
    suite tries, `longest` in bytes. An input may take `steps` lines of Python, and `steps_a_byte`
    more for each of its bytes."""

    name: str
    check: Callable[[bytes], None]
    dictionary: str
    inputs: int = 600
    longest: int = 4096
    steps: int = 20_000
    steps_a_byte: int = 50

    def most_steps(self, data: bytes) -> int:
        """How many lines of Python checking this input may take."""
        return self.steps + self.steps_a_byte * len(data)

    @property
    def words_file(self) -> Path:
        return Path(__file__).parent / "dictionaries" / f"{self.dictionary}.dict"

    @cached_property
    def words(self) -> tuple[bytes, ...]:
        """The words that such an input has."""
        lines = self.words_file.read_text(encoding="ascii").splitlines()
        return tuple(
            line[1:-1].encode().decode("unicode_escape").encode("latin-1") for line in lines
        )


# Every command to a database on a server runs through a client of some hundred lines.
_STORE = {"steps": 3_000_000, "steps_a_byte": 200}
_LIST = (
    Target("feed", feeds.feed, "xml", longest=16_384),
    Target("api", feeds.api, "xml", inputs=800, longest=16_384),
    Target("archive", feeds.archive, "xml", longest=16_384),
    Target("notice", feeds.notice, "notice", inputs=1200),
    Target("envelope", replies.envelope, "envelope"),
    Target("model-error", replies.model_error, "envelope", inputs=1000),
    Target("scores", replies.scores, "reply"),
    Target("order", replies.order, "reply"),
    Target("claims", replies.claims, "reply", inputs=400),
    Target("json-in-text", replies.json_in_text, "reply"),
    Target("tex", words.tex, "tex"),
    Target("sentence", words.sentence, "prose", inputs=200, steps_a_byte=150),
    Target("authors", words.authors, "authors"),
    Target("follow", words.follow, "authors"),
    Target("paper-id", words.paper_id, "id"),
    # What is not found is compared with every place there is.
    Target("options", words.options, "typed", inputs=200, steps=600_000),
    Target("option", words.answers_of_options, "typed", inputs=100, steps=600_000),
    # Fifty unknown categories are each compared with all there are.
    Target("toml", profiles.toml, "toml", steps=1_000_000),
    Target("profile-form", profiles.form, "form", steps=1_000_000),
    # Of each text the words are compared with every profile that ships, and with every category.
    Target("draft", drafts.drafted, "draft", inputs=100, steps=600_000, steps_a_byte=400),
    Target("given", drafts.given, "given", inputs=300, steps=1_000_000),
    Target("references", drafts.references, "references", inputs=300, steps_a_byte=100),
    Target("command", commands.typed, "typed", inputs=50, **_STORE),
    Target("button", commands.pressed, "chat", inputs=100, **_STORE),
    Target("filled-form", commands.submitted, "chat", inputs=100, **_STORE),
    Target("slack-event", slack_events.event, "chat", inputs=60, **_STORE),
    Target("discord-event", discord_events.event, "chat", inputs=60, **_STORE),
    Target("stored-value", stored.stored_value, "stored", inputs=1000),
    Target("backup", stored.backup, "stored", inputs=150, longest=8192, **_STORE),
    Target("spoilt", stored.spoilt, "stored", inputs=6, **_STORE),
    Target("program", programs.asked, "program", inputs=300, steps=30_000),
    Target("address", addresses.address, "address", inputs=1000),
    Target("settings", addresses.settings, "address", inputs=150, steps=60_000),
    # A paper of a few bytes is drawn on every screen.
    Target(
        *("digest-screen", screens.digest_screen, "message"),
        inputs=80,
        steps=100_000,
        steps_a_byte=3000,
    ),
    Target(
        *("message-screen", screens.message_screen, "message"),
        inputs=200,
        steps=100_000,
        steps_a_byte=200,
    ),
)
TARGETS = {target.name: target for target in _LIST}
