"""Chats lose answers, are away, refuse; people ask again just then."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from bot.domain.reasons import ChannelReason
from bot.domain.request import DigestRequest
from tests.simulation.chat_edge import Chat
from tests.simulation.plan import WAITS_SECONDS, Act, Trouble

if TYPE_CHECKING:
    from tests.simulation.troubles import Handlers, Troubles

# Reasons for which a channel cannot be posted to, and for which no channel of a workspace can.
_CLOSED = (ChannelReason.ARCHIVED, ChannelReason.NOT_A_MEMBER, ChannelReason.CHANNEL_GONE)
_REVOKED = (ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE)


def flaky(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    chat = troubles.chat(random)
    chat.trouble = random.choice((0.02, 0.1, 0.4))
    troubles.world.tell(f"{chat.platform} loses {chat.trouble:.0%} of requests and answers")
    if troubles.lasts(trouble):
        chat.trouble = 0.0
        troubles.world.tell(f"{chat.platform} is well")


def away(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    be_away(troubles, troubles.chat(random), trouble)


def be_away(troubles: Troubles, chat: Chat, trouble: Trouble) -> None:
    """For the trouble's time."""
    chat.is_away = True
    troubles.world.tell(f"{chat.platform} is away")
    if troubles.lasts(trouble):
        chat.is_away = False
        troubles.world.tell(f"{chat.platform} is back")


def away_when_asked(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """Somebody asks for a digest, and their chat is away when they would hear of it."""
    platform = troubles.world.people.asked.wait(WAITS_SECONDS)
    if platform and not troubles.is_over:
        troubles.world.scheduler.sleep(random.choice((0.1, 1.0, 5.0)) * random.random())
        be_away(troubles, troubles.world.chats[platform], trouble)


def edits_refused(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    chat = troubles.chat(random)
    chat.refuses_edits = True
    troubles.world.tell(f"{chat.platform} refuses edits")
    if troubles.lasts(trouble):
        chat.refuses_edits = False


def card_refused(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    chat, world = troubles.chat(random), troubles.world
    papers = world.arxiv.papers(world.scheduler.datetime().date())
    if papers:
        title = random.choice(papers).paper.title
        chat.refused_titles |= {title}
        world.tell(f"{chat.platform} refuses {title!r}")


def closed(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A channel, or with a token every channel of a workspace, cannot be posted to."""
    world = troubles.world
    address = random.choice(world.plan.channels)
    is_revoked = trouble.kind == "revoked"
    reason = random.choice(_REVOKED if is_revoked else _CLOSED)
    those = [
        other
        for other in world.plan.channels
        if other == address or (is_revoked and other.workspace_key == address.workspace_key)
    ]
    chat = world.chats[address.platform]
    for each in those:
        chat.closed[each] = reason
        troubles.closings[each] += 1
    world.tell(f"{address.workspace if is_revoked else address}: {reason}")
    if troubles.lasts(trouble):
        for each in those:
            troubles.reopen(chat, each)
        world.tell(f"{address.workspace if is_revoked else address}: open again")


def operator_closed(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """The operator's channel cannot be posted to."""
    world, address = troubles.world, troubles.world.plan.operator
    if address is None:
        return
    chat = world.chats[address.platform]
    chat.closed[address] = random.choice(_CLOSED)
    world.tell(f"{address}: {chat.closed[address]}")
    if troubles.lasts(trouble):
        chat.closed.pop(address, None)
        world.tell(f"{address}: open again")


def dies_at_a_pause(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A channel is closed; whoever finds that out may die of it."""
    world = troubles.world
    row = random.choice(world.plan.subscribed)
    address = world.plan.channels[row.channel]
    world.chats[address.platform].closed[address] = random.choice(_CLOSED)
    troubles.closings[address] += 1
    world.tell(f"{address} is closed")
    world.chats[address.platform].refused.wait(trouble.seconds)
    if troubles.is_over:
        return
    world.scheduler.deaths = 0.1
    world.scheduler.sleep(3.0)
    world.scheduler.deaths = 0.0
    world.scheduler.sleep(3600.0)
    if not troubles.is_over:
        troubles.reopen(world.chats[address.platform], address)


def asks_again(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """Somebody whose digest has just come asks for it again, while the bot looks who waits."""
    world = troubles.world
    end = world.scheduler.now + WAITS_SECONDS
    while not troubles.is_over and world.scheduler.now < end:
        world.redis.looked.wait(end - world.scheduler.now)
        with world.redis.unobserved():
            served = [r for r in world.store().requests.all() if _is_served(troubles, r)]
        asked = [
            event
            for event in world.people.events
            for request in served
            if (event.address, event.person) == (request.address, request.by)
            and event.text.startswith("now ")
        ]
        if asked:
            channel = world.plan.channels.index(asked[-1].address)
            act = Act(0.0, channel, asked[-1].text, 0.0, person=asked[-1].person)
            world.people.add(act, random.random())
            return


def _is_served(troubles: Troubles, request: DigestRequest) -> bool:
    """Whether what a person asked for was delivered since."""
    done = troubles.world.store().history.of(request.address)
    return bool(request.by) and any(each.at > request.since for each in done)


KINDS: Handlers = {
    "flaky": flaky,
    "away": away,
    "away when asked": away_when_asked,
    "edits refused": edits_refused,
    "card refused": card_refused,
    "closed": closed,
    "long closed": closed,
    "revoked": closed,
    "operator closed": operator_closed,
    "dies at a pause": dies_at_a_pause,
    "asks again": asks_again,
}
