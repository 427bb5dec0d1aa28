"""Somebody on a Discord server follows an author, and is told of a paper."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.runtime.teller import tell
from tests.bot.discord.conversations import (
    CHANNEL_ADDRESS,
    BotSession,
    Converse,
    post_day,
    subscription,
)
from tests.factories import NOW
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord_state import GUILD_ID, USER_ID

OTHER = "300000000000000019"


async def told(bot: BotSession, hours: int = 0) -> None:
    await tell(bot.context, "discord", bot.answers, NOW + timedelta(hours=hours))


def pinged(bot: BotSession) -> list[list[str]]:
    """Whom each message with a mention may notify."""
    bodies = [call.body for call in bot.fake_discord.calls if isinstance(call.body, dict)]
    allowed = [body.get("allowed_mentions", {}) for body in bodies]
    assert all(each.get("parse", []) == [] for each in allowed)
    return [each["users"] for each in allowed if "users" in each]


def test_who_follows_from_a_card_is_mentioned_in_the_thread_once(run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        head = await post_day(bot, 2)
        card = bot.fake_discord.channels[head].messages[0]
        whom = await bot.press("Follow", card, channel=head)
        assert "Follow whom?" in await bot.said(whom)
        name = await bot.press("Ada Lovelace", whom.answers[0], channel=head)
        assert "You follow Ada Lovelace." in await bot.said(name)
        await told(bot)
        await told(bot)
        mentions = [text for text in bot.shown(head) if "from what you follow" in text]
        assert len(mentions) == 2  # both papers are hers
        assert f"<@{USER_ID}>" in mentions[0] or "@user01" in mentions[0]
        assert "By Ada Lovelace, with Alan Turing, in cs.LG" in mentions[0]
        assert pinged(bot) == [[USER_ID], [USER_ID]]

    run_session(talk)


def test_who_does_not_see_the_channel_is_told_directly_and_says_it_is_somebody_else(
    run_session: Converse,
) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        said = await bot.command("digest follow", {"author": "Ada Lovelace"}, user=OTHER)
        assert "You follow Ada Lovelace." in said
        channel = bot.fake_discord.channels[CHANNEL_ADDRESS.channel]
        channel.visible_to = {USER_ID}
        described = bot.fake_discord._described(channel)
        await asyncio.to_thread(bot.fake_discord.send_event, "CHANNEL_UPDATE", described)
        await post_day(bot, 2)
        await told(bot)
        direct = f"4{OTHER[1:]}"
        (shown,) = bot.fake_discord.channels[direct].messages
        assert "2 papers from what you follow" in draw_discord(shown)
        assert CHANNEL_ADDRESS.channel not in str(shown["components"])
        noted = await bot.press("Not this one", shown, channel=direct, user=OTHER)
        assert "are not told to you any more" in draw_discord((await said_in(bot, noted))[-1])
        (mine,) = bot.context.store.follows.of(f"discord:{GUILD_ID}", OTHER)
        assert [each.co_authors for each in mine.others] == [("Alan Turing",)]

    run_session(talk)


async def said_in(bot: BotSession, ack: object) -> list[dict[str, object]]:
    return await asyncio.to_thread(bot.fake_discord.wait_for_answers, ack)  # type: ignore[arg-type]


def test_who_left_the_server_is_told_nothing(run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        await bot.command("digest follow", {"author": "Ada Lovelace"}, user=OTHER)
        bot.fake_discord.former_members.add(OTHER)
        head = await post_day(bot, 2)
        await told(bot)
        (known,) = bot.context.store.tellings.all_unreachable()
        assert known.why == "left"
        assert f"4{OTHER[1:]}" not in bot.fake_discord.channels
        assert len(bot.shown(head)) == 2

    run_session(talk)


def test_what_is_followed_is_listed_and_ended(run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        for options in ({"term": "sparse codes"}, {"paper": "2401.00867"}):
            await bot.command("digest follow", options)
        both = {"author": "Jane Doe", "term": "graphs"}
        for word in ("follow", "unfollow"):
            assert "one thing at a time" in await bot.command(f"digest {word}", both)
        listed = await bot.command("digest follows")
        assert "You follow 2 things" in listed
        assert "“sparse codes”" in listed
        assert "2401.00867" in listed
        said = await bot.command("digest unfollow", {"term": "sparse codes"})
        assert "You no longer follow “sparse codes”." in said

    run_session(talk)
