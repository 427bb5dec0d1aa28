"""What readers will do in a run: follow, save, share, search, be forgotten; who is not there, and
who may read a channel."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address
from tests.simulation.arxiv_edge import AUTHORS, TERMS

_DAY = 24 * 3600.0
_EARLY = 6 * 3600.0

READERS = ("U1", "U2", "U3", "U4", "U5")
# Who is in the first channel only; who comes and goes; and a guest.
PARTLY, FICKLE, GUEST = "U3", "U4", "U5"
# As often as they are named: who wants to be told of much hears much.
_SAID = (
    *("follow author", "follow author", "follow author", "follow term", "follow term"),
    *("follow paper", "follow paper", "follow its author", "follows", "unfollow", "unfollow"),
    *("unfollow all", "unfollow told", "save", "save", "save", "unsave", "share", "share"),
    *("unshare", "saved", "saved shared", "search", "search", "like"),
    *("best fridays", "best off", "best", "me", "me forget"),
)
ABSENCES = ("leaves", "removed", "takes no messages")


@dataclass(frozen=True)
class Habit:
    """Something a reader does `at` (seconds from the begin) in a channel (its number). `chance` (0
    to 1) decides what remains to be decided. The event is delivered once more after each of
    `again` seconds."""

    at: float
    channel: int
    person: str
    text: str
    chance: float
    again: tuple[float, ...] = ()


@dataclass(frozen=True)
class Absence:
    """Somebody leaves a channel (its number) or its workspace `at` (seconds from the begin), or
    takes no direct messages there; for so many seconds."""

    at: float
    channel: int
    kind: str
    seconds: float


@dataclass(frozen=True)
class Opening:
    """Who may read a channel (its number) from `at` (seconds from the begin) on."""

    at: float
    channel: int
    audience: Audience


def habits(seed: int, days: int, addresses: tuple[Address, ...], busy: float) -> list[Habit]:
    """Few readers do many things: then what they do meets; `busy` times as many as usual."""
    random = Random(f"{seed} readers")
    rows, at = _fridays(Random(f"{seed} fridays"), len(addresses)), 0.0
    rate = busy * random.choice((0.0, 0.2, 0.2, 0.4)) * len(addresses) / _DAY
    some = [random.choice(READERS), random.choice((PARTLY, FICKLE))]
    for person in some if rate else ():  # what is followed early is told often
        text, early = f"follow author {random.choice(AUTHORS)}", random.uniform(0.0, _EARLY)
        rows.append(Habit(early, random.randrange(len(addresses)), person, text, random.random()))
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        channel = random.randrange(len(addresses))
        person = random.choice((*some, *READERS))
        text, again = _said(random), random.choice(((), (), (), (0.5,), (0.01, 20.0)))
        rows.append(Habit(at, channel, person, text, random.random(), again))
        if text == "me forget":  # it is asked whether they are sure
            later = at + random.choice((3.0, 20.0, 600.0))
            rows.append(Habit(later, channel, person, "forget-me", random.random(), again))
    return rows


def _fridays(random: Random, channels: int) -> list[Habit]:
    """In some runs every other channel wants the best of its week from the first day on."""
    wanting = range(channels) if random.random() < 0.3 else ()
    return [
        Habit(
            random.uniform(0.0, _EARLY), channel, random.choice(("U1", "U2")), "best fridays", 0.5
        )
        for channel in wanting
        if random.random() < 0.5
    ]


def absences(seed: int, days: int, addresses: tuple[Address, ...]) -> list[Absence]:
    random = Random(f"{seed} absences")
    rows, at = list[Absence](), 0.0
    rate = random.choice((0.0, 0.5)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        channel, kind = random.randrange(len(addresses)), random.choice(ABSENCES)
        seconds = random.choice((60.0, 3600.0, 12 * 3600.0, 2 * _DAY))
        rows.append(Absence(at, channel, kind, seconds))
    return rows


def openings(seed: int, days: int, addresses: tuple[Address, ...]) -> list[Opening]:
    """In every other run some channels are not everybody's, and are made private, or opened, or
    shared with outsiders meanwhile."""
    random = Random(f"{seed} openings")
    rate = random.choice((0.0, 0.0, 0.03, 0.3)) * len(addresses) / _DAY
    if not rate:
        return []
    few = (*[Audience.EVERYONE] * 3, Audience.MEMBERS, Audience.OUTSIDERS)
    rows = [Opening(0.0, channel, random.choice(few)) for channel in range(len(addresses))]
    rows, at = [row for row in rows if row.audience is not Audience.EVERYONE], 0.0
    while (at := at + random.expovariate(rate)) < days * _DAY:
        rows.append(Opening(at, random.randrange(len(addresses)), random.choice(few)))
    return rows


def _said(random: Random) -> str:
    """What is typed, or pressed: on what is there then."""
    text = random.choice(_SAID)
    match text:
        case "follow author":
            return f"follow author {random.choice(AUTHORS)}"
        case "follow term":
            return f'follow term "{random.choice(TERMS)}"'
        case "search":
            return f"search {random.choice((*AUTHORS, *TERMS, 'the matter'))}"
    return text
