"""People with and without Manage Server on Discord: what each sees, may do, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import dispatch
from bot.discord import people
from tests.bot.commands.samples import OPEN_TO_ALL, PROFILE_VALUES, SUBSCRIBE_VALUES
from tests.bot.discord.conversations import (
    CHANNEL_ADDRESS,
    DELIVERY_NAME,
    NEWS,
    BotSession,
    buttons,
    post_day,
    subscription,
)
from tests.servers.fake_discord import Ack, FakeDiscord
from tests.servers.fake_discord_state import APP_ID, GUILD_ID, SEND_MESSAGES, USER_ID, VIEW_CHANNEL

PLAIN = VIEW_CHANNEL | SEND_MESSAGES
OTHER = "300000000000000019"
SECOND = "200000000000000002"
DIRECT = f"4{OTHER[1:]}"
BARRED = "On this server, /digest is for people with Manage Server"
NOT_IN = "Only members of that channel can do this"
ALONE = "In a direct message you can ask /why"


def interacts(bot: BotSession, kind: int, data: Any, **who: Any) -> Any:
    """An interaction as Discord would never let somebody make it."""
    given = {"channel": CHANNEL_ADDRESS.channel, "user": OTHER, "permissions": PLAIN} | who
    return asyncio.to_thread(bot.fake_discord._interact, kind, data, *given.values())


def every_way(bot: BotSession) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(kind and name, kind of interaction, its data) of all there is, about HERE's channel."""
    (digest,) = (c for c in bot.fake_discord.commands if c["name"] == "digest")
    for option in digest["options"]:
        given = [
            {"name": o["name"], "type": 3, "value": "matters"}
            for o in option.get("options", [])
            if o["name"] == "profile"
        ]
        word = {"name": option["name"], "type": 1, "options": given}
        yield (
            f"command {option['name']}",
            2,
            {"id": digest["id"], "name": "digest", "type": 1, "options": [word]},
        )
    channel = CHANNEL_ADDRESS.channel
    for name in dispatch.BUTTONS:
        for value in (
            f"{channel} matters",
            channel,
            "matters",
            f"{DELIVERY_NAME} 2503.10000",
            "2503.10000",
        ):
            data = {"custom_id": f"b1:{name}:{value}", "component_type": 2, "id": 1}
            yield f"button {name}", 3, data
    for name in dispatch.FORMS:
        for about in (channel, f"{channel} stamp", "matters", "matters stamp", ""):
            said = PROFILE_VALUES | SUBSCRIBE_VALUES | {"channel": channel}
            parts = [
                {"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": n, "value": v}}
                for n, v in said.items()
            ]
            data = {"custom_id": f"f1:{name}:{about}", "components": parts, "resolved": {}}
            yield f"form {name}", 5, data


def stored(bot: BotSession) -> dict[str, Any]:
    redis = bot.context.store.redis
    names = ("pb:subscriptions", "pb:profiles:*", "pb:makers:*", "pb:votes:*", "pb:wishes*")
    keys = {str(key) for name in names for key in redis.scan_iter(name)}
    return {key: redis.hgetall(key) for key in keys if redis.type(key) == "hash"}


WHERE: dict[str, tuple[dict[str, Any], str]] = {
    "without Manage Server, in the channel": ({}, BARRED),
    "without Manage Server, from another": ({"channel": SECOND}, BARRED),
    "with Manage Server, but not in the channel": (
        {"channel": SECOND, "permissions": PLAIN | 1 << 5},
        NOT_IN,
    ),
    "alone with the bot": ({"channel": DIRECT}, ALONE),
}


@pytest.mark.parametrize("where", WHERE)
def test_a_person_without_the_right_is_refused_and_changes_nothing(
    where: str,
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    fake_discord.channels[CHANNEL_ADDRESS.channel].visible_to = {USER_ID}
    fake_discord.handle_request("POST", ["users", "@me", "channels"], {"recipient_id": OTHER}, {})
    who, told = WHERE[where]
    kinds = zip(("command", "button", "form"), OPEN_TO_ALL, strict=True)
    open_to_all = {f"{kind} {name}" for kind, names in kinds for name in names}

    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        head = await post_day(bot, 1)
        before, shown = stored(bot), [*bot.shown(), *bot.shown(head)]
        for way, kind, data in every_way(bot):
            name, carried = way.split()[1], str(data)
            about = CHANNEL_ADDRESS.channel in carried
            if way in open_to_all or (told is NOT_IN and not about):
                continue
            if told is NOT_IN and not elsewhere(way, name, data):
                continue
            message = {"message": bot.fake_discord.channels[head].messages[0]} if kind == 3 else {}
            said = await bot.said(await interacts(bot, kind, data, **who, **message))
            assert told in said or "another version" in said, (way, carried)
            assert "Matters" not in said, (way, carried)
        assert (stored(bot), [*bot.shown(), *bot.shown(head)]) == (before, shown)

    run_session(talk)


def elsewhere(way: str, name: str, data: dict[str, Any]) -> bool:
    """Whether it names the channel that it is about."""
    if way.startswith("command"):
        return False
    known: Any = dispatch.BUTTONS if way.startswith("button") else dispatch.FORMS
    return bool(known[name].names_channel)


@pytest.mark.parametrize("permissions", [PLAIN, PLAIN | 1 << 5])
def test_everybody_votes_and_asks_why(
    permissions: int,
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        card = fake_discord.channels[head].messages[0]
        who = {"channel": head, "user": OTHER, "permissions": permissions}
        await bot.press("👍", card, **who)
        await bot.until(lambda: "[👍 1]" in bot.shown(head)[0])
        assert "Picked: number 1" in await bot.said(await bot.press("Why", card, **who))
        asked = await asyncio.to_thread(
            fake_discord.command, "why", {"arxivid": "2503.10000"}, **who
        )
        said = await bot.said(asked)
        assert "Picked: number 1" in said
        shared = await bot.press("Share", asked.answers[0], **who)
        if permissions == PLAIN:
            assert BARRED in await bot.said(shared)
        else:
            await bot.until(lambda: len(bot.shown(head)) == 2)

    run_session(talk)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], False),
        ([(GUILD_ID, 1, True)], True),  # everybody
        ([(GUILD_ID, 1, True), (OTHER, 2, False)], False),
        ([(OTHER, 2, True)], True),
        ([(GUILD_ID, 1, False), (OTHER, 2, True)], True),
        ([(OTHER, 2, True), (CHANNEL_ADDRESS.channel, 3, False)], False),
        ([(OTHER, 2, True), (str(int(GUILD_ID) - 1), 3, False)], False),  # no channel
        (
            [
                (OTHER, 2, True),
                (str(int(GUILD_ID) - 1), 3, False),
                (CHANNEL_ADDRESS.channel, 3, True),
            ],
            True,
        ),
        ([("5", 1, True)], False),  # a role that this person has not
    ],
)
@pytest.mark.parametrize("of", ["app", "command"])
def test_a_person_whom_the_servers_settings_allow_digest_counts_as_a_member(
    rules: list[tuple[str, int, bool]],
    allowed: bool,
    of: str,
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        (digest,) = (c for c in bot.fake_discord.commands if c["name"] == "digest")
        said = [{"id": id, "type": kind, "permission": yes} for id, kind, yes in rules]
        about = APP_ID if of == "app" else digest["id"]
        rest = [] if of == "app" else [{"id": APP_ID, "permissions": []}]
        bot.fake_discord.command_permissions = [{"id": about, "permissions": said}, *rest]
        data = {
            "custom_id": f"b1:pause:{CHANNEL_ADDRESS.channel} matters",
            "component_type": 2,
            "id": 1,
        }
        head = await post_day(bot, 1)
        card = fake_discord.channels[head].messages[0]
        told = await bot.said(await interacts(bot, 3, data, message=card))
        assert ("Paused" in told) == allowed
        assert (bot.context.store.subscriptions.all()[0].paused is not None) == allowed

    run_session(talk)


def test_any_role_that_allows_it_is_enough() -> None:
    rules = [
        people._Overwrite(id=1, type=1, permission=False),
        people._Overwrite(id=2, type=1, permission=True),
        people._Overwrite(id=9, type=1, permission=True),
    ]
    for roles, allowed in (({1}, False), ({1, 2}, True), (set[int](), True), ({3}, True)):
        assert people.is_offered(rules, 9, {7}, 5, roles) is allowed
    assert people.is_offered([], 9, {7}, 5, {9}) is False


@pytest.mark.parametrize("fault", ["http_500", "disconnect", "ratelimited"])
def test_what_cannot_be_found_out_is_refused(
    fault: str,
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    fake_discord.inject_faults("GET */commands/permissions", *[fault] * 5)

    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        head = await post_day(bot, 1)
        card = fake_discord.channels[head].messages[0]
        data = {
            "custom_id": f"b1:pause:{CHANNEL_ADDRESS.channel} matters",
            "component_type": 2,
            "id": 1,
        }
        said = await bot.said(await interacts(bot, 3, data, message=card))
        assert "couldn't check whether you're allowed to do this" in said
        assert bot.context.store.subscriptions.all() == [subscription()]

    run_session(talk)


def test_completion_shows_nothing_to_a_person_without_the_right(
    fake_discord: FakeDiscord, run_session: Any
) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        (digest,) = (c for c in bot.fake_discord.commands if c["name"] == "digest")
        for word in ("pause", "now", "new"):
            typing = {"name": "profile", "type": 3, "value": "", "focused": True}
            inside = [{"name": word, "type": 1, "options": [typing]}]
            data = {"id": digest["id"], "name": "digest", "type": 1, "options": inside}
            ack: Ack = await interacts(bot, 4, data)
            assert (ack.type, ack.data["choices"]) == (8, [])
            ack = await interacts(bot, 4, data, permissions=PLAIN | 1 << 5)
            assert ack.data["choices"]

    run_session(talk)


def test_unsubscribing_asks_for_confirmation(fake_discord: FakeDiscord, run_session: Any) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription())
        ack = await asyncio.to_thread(fake_discord.command, "digest list")
        await bot.said(ack)
        asked = await bot.press("Unsubscribe", ack.answers[0])
        assert "Unsubscribe from Matters of importance?" in await bot.said(asked)
        assert bot.context.store.subscriptions.all()
        refused = await bot.press("Unsubscribe", asked.answers[0], user=OTHER, permissions=PLAIN)
        assert BARRED in await bot.said(refused)
        assert bot.context.store.subscriptions.all()
        ended = await bot.press("Unsubscribe", asked.answers[0])
        assert "Unsubscribed from Matters of importance." in await bot.said(ended)
        assert bot.context.store.subscriptions.all() == []

    run_session(talk)


def test_a_rejected_form_is_not_reopened_by_a_person_who_lost_the_right(
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(fake_discord.command, "digest subscribe", {"at": "07:15"})
        box = next(
            label["component"]["custom_id"]
            for label in ack.data["components"]
            if "at" in label["component"]["custom_id"].split("+")
        )
        wrong = {"profile": ["matters"], box: "at: late"}
        ack = await asyncio.to_thread(fake_discord.submit, ack.data["custom_id"], wrong)
        await bot.said(ack)
        again = await bot.press("Correct it", ack.answers[0], permissions=PLAIN)
        assert BARRED in await bot.said(again)
        assert (await bot.press("Correct it", ack.answers[0])).type == 9

    run_session(talk)


def test_a_profile_change_is_announced_where_it_is_used_and_undone_there(
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    async def talk(bot: BotSession) -> None:
        for channel in (CHANNEL_ADDRESS.channel, NEWS):
            address = CHANNEL_ADDRESS.model_copy(update={"channel": channel})
            bot.context.store.subscriptions.put(subscription(address=address))
        ack = await asyncio.to_thread(fake_discord.command, "digest new", {"profile": "matters"})
        ack = await asyncio.to_thread(fake_discord.submit, ack.data["custom_id"], {})
        await bot.said(ack)
        opened = await bot.press("Continue", ack.answers[-1])
        changed = {"+authors+language+maximum": "authors:\nlanguage:\nmaximum: 3"}
        ack = await asyncio.to_thread(fake_discord.submit, opened.data["custom_id"], changed)
        await bot.said(ack)
        ack = await bot.press("Save", ack.answers[-1])
        assert "Announced in every channel that uses it." in await bot.said(ack)
        await bot.until(lambda: bot.shown(NEWS) and bot.shown())
        said = bot.shown(NEWS)[-1]
        assert f"<@{USER_ID}> changed the profile Matters of importance" in said
        assert "most papers in a digest: 3, was 20" in said
        notice = fake_discord.channels[NEWS].messages[-1]
        refused = await bot.press("Undo", notice, channel=NEWS, user=OTHER, permissions=PLAIN)
        assert BARRED in await bot.said(refused)
        undone = await bot.press("Undo", notice, channel=NEWS, user="300000000000000018")
        assert "Undone" in await bot.said(undone)
        await bot.until(lambda: len(bot.shown(NEWS)) == 2 and len(bot.shown()) == 2)
        assert "undid a change of the profile" in bot.shown()[-1]
        assert bot.context.profiles(CHANNEL_ADDRESS)["matters"].maximum == 20

    run_session(talk)


def test_with_admins_only_a_member_looks_and_changes_nothing(
    fake_discord: FakeDiscord,
    run_session: Any,
) -> None:
    async def talk(bot: BotSession) -> None:
        bot.answers.context = replace(bot.context, admins_only=True)
        bot.context.store.subscriptions.put(subscription())
        bot.fake_discord.command_permissions = [
            {"id": APP_ID, "permissions": [{"id": OTHER, "type": 2, "permission": True}]}
        ]
        who = {"user": OTHER, "permissions": PLAIN}
        told = await asyncio.to_thread(typed, bot, "list", **who)
        assert "Matters of importance" in await bot.said(told)
        assert not [b for b in buttons(told.answers[0]["components"]) if "custom_id" in b][1:]
        refused = await asyncio.to_thread(typed, bot, "pause", **who)
        assert "Only admins can change" in await bot.said(refused)
        paused = await asyncio.to_thread(typed, bot, "pause", permissions=PLAIN | 1 << 5)
        assert "Paused" in await bot.said(paused)

    run_session(talk)


def typed(bot: BotSession, word: str, **who: Any) -> Ack:
    """A command of somebody to whom Discord offers it by its settings."""
    (digest,) = (c for c in bot.fake_discord.commands if c["name"] == "digest")
    inside = [{"name": word, "type": 1, "options": []}]
    data = {"id": digest["id"], "name": "digest", "type": 1, "options": inside}
    given = {"user": USER_ID, "permissions": PLAIN} | who
    return bot.fake_discord._interact(
        2, data, CHANNEL_ADDRESS.channel, given["user"], given["permissions"]
    )


def test_in_a_direct_message_a_person_learns_only_of_channels_they_can_still_see(
    fake_discord: FakeDiscord,
    run_session: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_discord.handle_request("POST", ["users", "@me", "channels"], {"recipient_id": OTHER}, {})

    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription(by=OTHER))
        await post_day(bot, 1)

        async def why() -> str:
            bot.answers.people._members._kept.clear()
            who = {"channel": DIRECT, "user": OTHER}
            return await bot.command("why", {"arxivid": "2503.10000"}, **who)

        assert "Picked: number 1 of 1, with" in await why()
        fake_discord.former_members = {OTHER}
        assert "You haven't subscribed a channel" in await why()
        fake_discord.former_members = set()
        fake_discord.inject_faults("GET */members/*", "hang")
        with monkeypatch.context() as hasty:
            hasty.setattr(people, "_SECONDS", 0.05)
            assert "couldn't check" in await why()
        fake_discord.channels[CHANNEL_ADDRESS.channel].visible_to = {USER_ID}
        described = fake_discord._described(fake_discord.channels[CHANNEL_ADDRESS.channel])
        await asyncio.to_thread(fake_discord.send_event, "CHANNEL_UPDATE", described)
        assert "You haven't subscribed a channel" in await why()

    run_session(talk)
