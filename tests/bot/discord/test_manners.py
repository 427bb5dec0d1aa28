"""A new person's way on Discord: the invite, a private look, words of one's own."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.domain.digest import ListQuery, ListResult, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.request import DigestRequest, digest_name
from bot.store.store import Store
from bot.views import conversation
from tests.bot.discord.conversations import CHANNEL_ADDRESS, BotSession, Converse
from tests.factories import DAY, NOW, decision, digest, listing, paper_ids, profile
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord
from tests.servers.fake_discord_state import APP_ID, DIRECT, USER_ID, Channel

DIRECT_ID = "400000000000000001"
ME = f"<@{APP_ID}>"


async def said_after(bot: BotSession, text: str, channel: str = "", answer_in: str = "") -> str:
    """Write something, and read the next message in a channel (by default the first one)."""
    place = bot.fake_discord.channels[answer_in or channel or CHANNEL_ADDRESS.channel]
    before = len(place.messages)
    await asyncio.to_thread(bot.fake_discord.write, text, channel=channel)
    await bot.until(lambda: len(place.messages) > before)
    return draw_discord(place.messages[before])


def request_for(store: Store) -> DigestRequest:
    """A request for a day that is listed and judged."""
    found = [decision(id, Outcome.PICKED) for id in paper_ids(5)]
    result = ListResult(batch=str(DAY), date=DAY, asked_at=NOW, changed_at=NOW)
    request = DigestRequest(
        profile=store.profiles.put(profile()),
        wanted=ListQuery(source=Source.ARXIV, categories=("cs.LG",), latest=True),
        judge=Judge(),
        address=CHANNEL_ADDRESS,
        since=NOW,
        by="300000000000000001",
        preview=True,
    )
    store.lists.add(result.batch, listing(*(d.announced for d in found)), NOW)
    store.lists.put_result(request.wanted, result)
    store.days.put_decided(digest_name(request, result), digest(*found, listed=result))
    return request


def test_invited_into_a_server_it_says_once_what_it_does(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        guild = fake_discord._guild()
        await bot.answers.welcome(CHANNEL_ADDRESS, "joined")
        await bot.answers.welcome(CHANNEL_ADDRESS, "joined")
        (said,) = bot.shown()
        assert "[Subscribe]  [Try a profile]  [Make a profile]" in said
        assert "</digest" not in said  # the one command in it is /why
        assert "</why:" in said
        other = {"id": "100000000000000009", "owner_id": guild["owner_id"]}
        channel = {**guild["channels"][0], "id": "200000000000000091", "guild_id": other["id"]}
        fake_discord.channels[channel["id"]] = Channel(channel["id"])
        roles = [{**guild["roles"][0], "id": other["id"]}]
        fake_discord.send_event(
            "GUILD_CREATE", guild | other | {"channels": [channel], "roles": roles}
        )
        await bot.until(lambda: bot.shown(channel["id"]))
        assert bot.shown(channel["id"])[0] == said

    run_session(talk)


def test_a_mention_is_answered_where_it_can_be(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        assert "Hello! Paperboy posts" in await said_after(bot, f"{ME} hi")
        assert "You're welcome." in await said_after(bot, f"thanks {ME}!")
        assert "</digest subscribe:" in await said_after(bot, f"{ME} what can you do")
        offered = await said_after(bot, f"{ME} list")
        assert "[List]" in offered
        last = fake_discord.channels[CHANNEL_ADDRESS.channel].messages[-1]
        assert "No subscriptions here" in await bot.said(await bot.press("List", last))
        await said_after(bot, f"{ME} please stop sending these")
        last = fake_discord.channels[CHANNEL_ADDRESS.channel].messages[-1]
        assert "nothing comes here by itself" in await bot.said(await bot.press("Show me", last))
        assert "no profile to answer for" in await said_after(bot, f"{ME} why 2503.10000")

    run_session(talk)


def test_what_is_not_understood_is_said_in_a_direct_message(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        fake_discord.channels[DIRECT_ID] = Channel(DIRECT_ID, DIRECT)
        said = await said_after(bot, f"{ME} frobnicate the widget", answer_in=DIRECT_ID)
        assert "doesn't understand" in said
        assert bot.shown() == []

    run_session(talk)


def test_a_direct_message_is_answered_once_and_a_bots_never(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        fake_discord.channels[DIRECT_ID] = Channel(DIRECT_ID, DIRECT)
        write = fake_discord.write
        id = await asyncio.to_thread(write, "hello", channel=DIRECT_ID)
        await bot.until(lambda: bot.shown(DIRECT_ID))
        await asyncio.to_thread(write, "hello", channel=DIRECT_ID, id=id)
        await asyncio.to_thread(write, "hello", channel=DIRECT_ID, bot=True)
        await asyncio.to_thread(write, "hello everybody")
        said = await said_after(bot, "pause", channel=DIRECT_ID)
        assert "In a direct message you can ask /why." in said
        assert len(bot.shown(DIRECT_ID)) == 2
        assert bot.shown() == []

    run_session(talk)


def test_a_private_look_comes_in_the_answer_to_the_command(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        request = request_for(bot.context.store)
        ack = await asyncio.to_thread(
            fake_discord.command, "digest preview", {"profile": "matters", "top": 4}
        )
        assert "only for you" in await bot.said(ack)
        (asked,) = bot.context.store.requests.all()
        assert (asked.preview, asked.top, asked.key) == (True, 4, request.key)
        await bot.answers.show_preview(asked)
        answers = await asyncio.to_thread(fake_discord.wait_for_answers, ack, 6)
        assert all(answer["flags"] & 64 for answer in answers)
        drawn = [draw_discord(answer) for answer in answers]
        assert [text[:2] for text in drawn[2:5]] == ["1.", "2.", "3."]
        assert "The first 3 of 4 papers. Only you see this" in drawn[5]
        assert bot.shown() == []

    run_session(talk)


def test_commands_can_be_clicked_once_their_ids_are_known() -> None:
    from bot.discord import render

    message: Any = render.message(conversation.hello(), {"digest": "7", "why": "8"})
    text = message["components"][0]["content"]
    assert "</digest subscribe:7> get a digest" in text
    assert "</why:8>" in text
    assert "`/digest subscribe`" in render.message(conversation.hello())["components"][0]["content"]


def test_a_profile_is_made_in_two_short_steps(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        def submit(changes: dict[str, Any]) -> Any:
            (id,) = fake_discord.modals
            return asyncio.to_thread(fake_discord.submit, id, changes)

        def fields() -> list[str]:
            (modal,) = fake_discord.modals.values()
            return [label["component"]["custom_id"] for label in modal["components"]]

        await bot.open_new_profile()
        assert fields() == ["title", "area", "look_for", "leave_out", "keywords"]
        ack = await submit(
            {
                "title": "Bounds",
                "area": ["Computer Science", "Statistics"],
                "look_for": "Bounds: lower bounds",
            }
        )
        assert "Step 1 of 2 is kept." in await bot.said(ack)
        opened = await bot.press("Continue", ack.answers[-1])
        assert opened.type == 9
        short = "+authors+language+maximum"
        second = ["categories", "categories.1", "examples", short, "relevance+novelty"]
        assert fields() == second
        ack = await submit(
            {
                "categories": ["cs.LG"],
                "categories.1": ["stat.ML"],
                "examples": "Invariant variation problems\nOn quanta",
                short: "authors: Emmy Noether, A. Turing\nlanguage:\nmaximum: 12",
                "relevance+novelty": ["8+5"],
            }
        )
        await bot.until(lambda: "no day to try Bounds on" in draw_discord(ack.answers[-1]))
        assert "bounds" not in bot.context.profiles(CHANNEL_ADDRESS)
        ack = await bot.press("Save", ack.answers[-1])
        assert "Created: Bounds." in await bot.said(ack)
        made = bot.context.store.profiles.at(CHANNEL_ADDRESS)["bounds"]
        assert made.categories == ("cs.LG", "stat.ML")
        assert made.authors.follow == ("Emmy Noether", "A. Turing")
        titles = ["Invariant variation problems", "On quanta"]
        assert [each.title for each in made.examples] == titles
        assert (made.cutoffs.relevance, made.cutoffs.novelty, made.maximum) == (8, 5, 12)
        await asyncio.to_thread(fake_discord.command, "digest new", {"profile": "bounds"})
        ack = await submit({"title": "Bounds & rates"})
        await bot.said(ack)
        await bot.press("Continue", ack.answers[-1])
        ack = await submit({})
        await bot.said(ack)
        ack = await bot.press("Save", ack.answers[-1])
        assert "Changed: Bounds & rates." in await bot.said(ack)
        after = bot.context.store.profiles.at(CHANNEL_ADDRESS)["bounds"]
        assert after == made.model_copy(update={"title": "Bounds & rates"})

    run_session(talk)


def test_the_second_of_two_who_edit_a_profile_sees_the_others_change_and_both_are_kept(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        other = "300000000000000018"

        async def first_step(user: str, **first: Any) -> Any:
            """Open the form, and send its first step; the answer, whose button opens the second."""
            options = {"profile": "matters"}
            ack = await asyncio.to_thread(fake_discord.command, "digest new", options, user=user)
            ack = await send(ack.data["custom_id"], user, first)
            await bot.said(ack)
            return ack.answers[-1]

        async def second_step(answer: Any, user: str, **said: Any) -> Any:
            opened = await bot.press("Continue", answer, user=user)
            ack = await send(opened.data["custom_id"], user, said)
            if "changed this profile" in await bot.said(ack):
                return ack
            return await bot.press("Save", ack.answers[-1], user=user)

        async def send(id: str, user: str, said: dict[str, Any]) -> Any:
            return await asyncio.to_thread(fake_discord.submit, id, said, user=user)

        mine = await first_step(other, title="Ours")
        theirs = await first_step(USER_ID)
        numbers = {"+authors+language+maximum": "authors:\nlanguage:\nmaximum: 3"}
        changed = await second_step(theirs, USER_ID, examples="On quanta", **numbers)
        await bot.said(changed)
        ack = await second_step(mine, other)
        said = await bot.said(ack)
        assert "someone else changed this profile while your form was open" in said
        assert "most papers in a digest: 3, was 20" in said
        assert "example papers: + On quanta" in said
        opened = await bot.press("Open the form", ack.answers[-1], user=other)
        ack = await send(opened.data["custom_id"], other, {})
        await bot.said(ack)
        assert "Changed: Ours." in await bot.said(await second_step(ack.answers[-1], other))
        own = bot.context.store.profiles.at(CHANNEL_ADDRESS)["matters"]
        assert (own.title, own.maximum) == ("Ours", 3)
        assert [each.title for each in own.examples] == ["On quanta"]
        said = await bot.command("digest history", {"profile": "matters"})
        assert f"<@{other}>" in said
        assert "Undone" in await bot.command("digest undo", {"profile": "matters"})

    run_session(talk)


def test_a_sentence_becomes_a_profile_that_is_tried_and_saved(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(fake_discord.command, "digest new")
        assert "What do you work on?" in draw_discord(ack.data)
        work = {"work": "Pruning of neural networks, mixture of experts"}
        ack = await asyncio.to_thread(fake_discord.submit, ack.data["custom_id"], work)
        await bot.until(lambda: ack.answers and "A draft" in draw_discord(ack.answers[-1]))
        draft = ack.answers[-1]
        assert "from your text" in draw_discord(draft)
        tried = await bot.press("Show what it would bring", draft)
        await bot.until(lambda: tried.answers and "no day" in draw_discord(tried.answers[-1]))
        assert bot.context.store.profiles.own_names(CHANNEL_ADDRESS) == set()
        saved = await bot.press("Save", tried.answers[-1])
        assert "Created: Pruning of neural networks" in await bot.said(saved)
        assert "Subscribe this channel" in draw_discord(saved.answers[-1])

    run_session(talk)
