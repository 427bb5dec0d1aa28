"""A library put into a form on Discord: read, or one sentence says why not and what to do."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.papers import Example
from bot.runtime import given_files
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse, buttons
from tests.bot.libraries import BIBTEX
from tests.factories import profile, save_own_profile
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import Ack, FakeDiscord
from tests.servers.fake_http import run_fake_server

FILES = "GET /ephemeral-attachments/*"


async def dropped(
    bot: BotSession, content: bytes, work: str = "", name: str = "library.bib", **fields: object
) -> Ack:
    """A file put into the form of `/digest new`."""
    fake = bot.fake_discord
    ack = await asyncio.to_thread(fake.command, "digest new")
    assert "Your library, as a file" in draw_discord(ack.data)
    file = fake.drop_file(name, content) | fields
    id = ack.data["custom_id"]
    return await asyncio.to_thread(fake.submit, id, {"work": work}, files={"library": file})


def asked(fake_discord: FakeDiscord) -> list[object]:
    """The tokens in the requests for files."""
    return [call.body for call in fake_discord.calls if "ephemeral-attachments" in call.route]


def test_a_library_of_forty_entries_becomes_a_profile(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await dropped(bot, BIBTEX.encode(), work="Pruning of neural networks")
        await bot.until(lambda: ack.answers and "A draft" in draw_discord(ack.answers[-1]))
        said = draw_discord(ack.answers[-1])
        assert "Your library has 40 entries, 0 of them found on arXiv." in said
        assert "12 without an arXiv id" in said
        saved = await bot.press("Save", ack.answers[-1])
        assert "Created: Pruning of neural networks" in await bot.said(saved)
        assert len(bot.context.store.profiles.own_names(CHANNEL_ADDRESS)) == 1
        assert asked(fake_discord) == [""]  # one request, without our token

    run_session(talk)


def test_a_profile_too_long_for_a_message_goes_out_and_comes_back_as_a_file(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    liked = tuple(Example(title=f"Tides {n}", abstract="Salt " * 200 + "end.") for n in range(20))
    long = profile(title="Salt", name="old", examples=liked, cross_lists=False)

    async def talk(bot: BotSession) -> None:
        save_own_profile(bot.context.store, CHANNEL_ADDRESS, long)
        ack = await asyncio.to_thread(fake_discord.command, "digest profiles")
        await bot.said(ack)
        listed = ack.answers[-1]
        (opens,) = (
            b["custom_id"]
            for b in buttons(listed["components"])
            if "old" in b["custom_id"] and b["label"] == "Open"
        )
        ack = await asyncio.to_thread(fake_discord.press, opens, listed["id"])
        await bot.said(ack)
        ack = await bot.press("As a file", ack.answers[-1])
        await bot.said(ack, 2)
        (file,) = ack.answers[-1]["attachments"]
        assert file["filename"] == "old.toml"
        ack = await dropped(bot, bytes.fromhex(file["file"]), name="old.toml")
        assert "From your file." in await bot.said(ack)
        ack = await bot.press("Save", ack.answers[-1])
        assert "Created: Salt." in await bot.said(ack)
        salt = bot.context.store.profiles.at(CHANNEL_ADDRESS)["salt"]
        assert salt == long.model_copy(update={"name": "salt"})

    run_session(talk)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty"),
        (b"PK\x03\x04\x00\x00", "This file is no text"),
        (b"<!DOCTYPE html><p>My library", "neither BibTeX nor RIS"),
        (b"@misc{a, title={A}}\n" + b"%" * 1_000_000, "more than 1 MB"),
    ],
)
def test_what_is_no_library_is_said_and_what_was_typed_is_kept(
    fake_discord: FakeDiscord, run_session: Converse, content: bytes, said: str
) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await dropped(bot, content, work="Pruning of neural networks")
        assert said in await bot.said(ack)
        again = await bot.press("Open the form", ack.answers[-1])
        assert "Pruning of neural networks" in draw_discord(again.data)
        assert "Your library, as a file" in draw_discord(again.data)
        ack = await asyncio.to_thread(fake_discord.submit, again.data["custom_id"], {})
        await bot.until(lambda: ack.answers and "A draft" in draw_discord(ack.answers[-1]))

    run_session(talk)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("http_404", "This file is no longer there"),
        ("http_403", "This file is no longer there"),
        ("http_500", "Discord does not hand over the file: status 500."),
        ("hang", "Discord does not hand over the file: it does not answer in time."),
    ],
)
def test_a_file_that_discord_does_not_hand_over_is_said(
    fake_discord: FakeDiscord,
    run_session: Converse,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    said: str,
) -> None:
    if fault == "hang":
        monkeypatch.setattr(given_files, "_SECONDS", 0.1)

    async def talk(bot: BotSession) -> None:
        fake_discord.inject_faults(FILES, fault)
        assert said in await bot.said(await dropped(bot, BIBTEX.encode()))

    run_session(talk)


def test_no_other_host_is_asked_and_nothing_is_read_beyond_the_limit(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        with run_fake_server(lambda path, body: (200, {}, BIBTEX.encode())) as other:
            fake_discord.elsewhere = f"{other.url}/library.bib"
            ack = await dropped(bot, b"", url=f"{other.url}/library.bib")
            assert "This file is not kept in this chat" in await bot.said(ack)
            fake_discord.inject_faults(FILES, "redirect", "unsized")
            ack = await dropped(bot, BIBTEX.encode())
            assert "This file is no longer there" in await bot.said(ack)
            assert other.requests == []
        ack = await dropped(bot, b"@misc{" * 400_000, size=7)
        assert "more than 1 MB" in await bot.said(ack)

    run_session(talk)


def test_a_slow_file_does_not_hold_the_acknowledgement(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        fake_discord.inject_faults(FILES, "hang")
        ack = await dropped(bot, BIBTEX.encode())
        assert ack.type == 5  # deferred
        assert ack.answers == []

    run_session(talk)
