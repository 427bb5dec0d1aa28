"""Who acts in which channel, and forms filled in."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.context import Answer, Context, Invocation
from bot.domain.digest import Digest, Outcome
from bot.domain.readers.best import Discussed, Discussion
from bot.domain.request import Address
from tests.factories import NOW, announced, decision, digest, listing, person_in

# Everybody may do these, wherever they are; all else takes a right. A new command, button or form
# belongs to the rest, until somebody thinks it over and names it here.
_OWN = {"save", "unsave", "saved", "share-saved", "unshare-saved", "me", "forget-me"}
_OWN |= {"saved-open", "saved-reading", "saved-done", "ask-forget-me"}
_OWN |= {"token-end", "zotero", "zotero-key", "zotero-off"}
_REASONS = {"down-off-topic", "down-known", "down-weak", "down-not-now"}
# Whoever is a guest by now, or alone with the bot, still ends what they follow.
_OWN |= {"follows", "unfollow", "not-them", "them-again", "keep-category"}
OPEN_TO_ALL = (
    {"why", "follows", "unfollow", "saved", "me"},
    {"why", "up", "down", "up-missed", "abstract", "bibtex", "menu", "details"} | _REASONS | _OWN,
    {"zotero-access"},
)

CHANNEL_ADDRESS = Address(platform="slack", workspace="T1", channel="C1")
NEXT_DOOR = CHANNEL_ADDRESS.model_copy(update={"channel": "C2"})
INVOCATION = Invocation("", CHANNEL_ADDRESS, NOW, "U1", "America/New_York", person=person_in())
SUBSCRIBE_VALUES = {
    "profile": "matters",
    "at": "07:30",
    "tz": "Asia/Kolkata",
    "days": "mon,thu",
    "top": "5",
}
PROFILE_VALUES = {
    "title": "Bounds & rates",
    "categories": "cs.LG, math",
    "look_for": "Bounds: matching lower bounds\nRates: fast rates",
    "leave_out": "Surveys",
    "keywords": "minimax, -blockchain",
    "relevance": "6",
    "novelty": "5",
    "maximum": "12",
}


def by(who: str, **fields: object) -> Invocation:
    """What somebody else types or presses in the same channel."""
    return replace(INVOCATION, by=who, **fields)  # type: ignore[arg-type]


def counted(answer: Answer, *papers: Discussed) -> Answer:
    """An answer for which replies were counted, where it asks for that: to these papers."""
    if answer.counting is None:
        return answer
    return answer.counting.show(Discussion(list(papers), [], 0))


def deliver_day(context: Context, address: Address = CHANNEL_ADDRESS) -> Digest:
    """A day of two papers is in the channel; one of them has a long abstract."""
    long = announced("2503.10001", abstract="We prove a bound. " * 20)
    picked = [decision("2503.10000", Outcome.PICKED), decision("2503.10001", Outcome.PICKED)]
    picked[1] = picked[1].model_copy(update={"announced": long})
    day = digest(*picked, decision("2503.10002", Outcome.BELOW_CUTOFF, 3))
    context.store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    context.store.days.put_decided("day", day)
    context.store.history.put_delivered(address, f"{address}:day", day, NOW, "17.1")
    return day
