"""What will happen in a run, made from its seed before it begins, so that parts can be left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from bot.arxiv.calendar import NEW_YORK
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.domain.schedule import EVERY_DAY, WEEKDAYS, Schedule
from tests.factories import profile
from tests.simulation import arxiv_edge
from tests.simulation.arxiv_edge import CATEGORIES, Morning
from tests.simulation.readers_plan import Absence, Habit, Opening, absences, habits, openings

PLATFORMS = ("slack", "discord")
_ZONES = (
    *("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC"),
    *("America/Los_Angeles", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Kiritimati"),
)
_DAY = 24 * 3600.0
# The channel that hears of troubles, in a workspace or a server of its own.
OPERATORS = (
    Address(platform="slack", workspace="T9", channel="COPS"),
    Address(platform="discord", workspace="900", channel="901"),
)

# What may go wrong, as often as it is named.
TROUBLES = (
    *("flaky", "flaky", "away", "away", "redis", "redis", "model", "model", "model"),
    *("deleted", "head deleted", "locked", "edits refused", "card refused"),
    *("closed", "revoked", "kill", "kill", "deaths", "deaths", "clock", "restore", "upgrade"),
)
# These came later: a seed's other troubles are the same as before.
MORE_TROUBLES = (
    *("freeze", "freeze", "freeze", "freeze", "orphan", "orphan", "orphan", "orphan"),
    *("garbled", "garbled", "long closed"),
)
# What goes wrong just when something is under way; these came last.
TIMELY_TROUBLES = (
    *("model", "model", "model", "babbles", "babbles", "flaky", "away", "redis", "deaths"),
    *("edits refused", "closed", "kill", "head deleted", "head deleted", "locked"),
    *("list grows", "list grows", "dies at a pause", "dies at a pause"),
)
# And these after them: what planted faults showed to be too rare.
RARE_TROUBLES = (
    *("asks again", "asks again", "shared head deleted", "babbles", "babbles", "model"),
    *("away when asked", "away when asked"),
)
# And what leaves the least room between a worker that was taken for dead and its message.
CLOSEST_TROUBLES = ("freeze at a renewal",)
# Of those who run it and have a channel that hears of troubles.
OPERATORS_TROUBLES = ("operator closed",)
# Of workspaces that installed it: they remove it and install it again, and their tokens expire.
INSTALLED_TROUBLES = ("uninstalled", "uninstalled", "token revoked", "away at expiry")
# A platform, or the way to it, is not there.
UNHEARD = ("flaky", "away", "away when asked", "away at expiry")
# The model is away for longer than a digest's window lasts.
LONG_TROUBLES = ("no model",)
# A timely trouble waits so long for its moment (s).
WAITS_SECONDS = 3 * 3600.0


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong `at` (seconds from the begin), for so many seconds; if it is
    timely, when next something is under way. `chance` (0 to 1) decides what remains to be
    decided."""

    at: float
    kind: str
    seconds: float
    chance: float
    is_timely: bool = False


@dataclass(frozen=True)
class Act:
    """Something a person does `at` (seconds from the begin) in a channel (its number); without a
    `person` it is anybody. The event is delivered once more after each of `again` seconds."""

    at: float
    channel: int
    text: str
    chance: float
    again: tuple[float, ...] = ()
    person: str = ""


@dataclass(frozen=True)
class Subscribed:
    """Subscribed from the begin: the channel's number, the profile, when it wants its digest."""

    channel: int
    profile: str
    schedule: Schedule
    top: int | None


@dataclass(frozen=True)
class Plan:
    """`day_tokens` are what a workspace may spend, `busy_seconds` how soon the clock looks again
    while something is under way."""

    seed: int
    days: int
    begin: datetime
    channels: tuple[Address, ...]
    profiles: dict[str, tuple[Profile, ...]]
    subscribed: tuple[Subscribed, ...]
    mornings: dict[date, Morning]
    troubles: tuple[Trouble, ...]
    acts: tuple[Act, ...]
    day_tokens: int | None
    catch_up_days: int
    busy_seconds: float
    habits: tuple[Habit, ...]
    absences: tuple[Absence, ...]
    openings: tuple[Opening, ...]
    operator: Address | None = None  # the channel that hears of troubles
    installed: bool = False  # Slack's workspaces install it, each with a token of its own
    rotates: bool = False  # which expires, and is exchanged

    @property
    def end(self) -> datetime:
        return self.begin + timedelta(days=self.days)

    @property
    def installing(self) -> list[str]:
        """Slack's workspaces, and the operator's."""
        places = (*self.channels, *([self.operator] if self.operator else []))
        return sorted({each.workspace for each in places if each.platform == "slack"})

    @property
    def parts(self) -> list[tuple[str, object]]:
        """What a shorter story may leave out, each with the name of its list."""
        bad = [day for day, morning in self.mornings.items() if morning.kind != "normal"]
        return [
            *(("troubles", t) for t in self.troubles if t.kind in TROUBLES and not t.is_timely),
            *(("mornings", day) for day in bad),
            *(("acts", each) for each in self.acts if not each.person),
            *(("subscribed", each) for each in self.subscribed),
            *(("troubles", t) for t in self.troubles if t.kind in MORE_TROUBLES),
            *(
                ("troubles", t)
                for t in self.troubles
                if t.is_timely and t.kind not in INSTALLED_TROUBLES
            ),
            *(("acts", each) for each in self.acts if each.person),
            *(("troubles", t) for t in self.troubles if t.kind in LONG_TROUBLES),
            *(("habits", each) for each in self.habits),
            *(("absences", each) for each in self.absences),
            *(("troubles", t) for t in self.troubles if t.kind in OPERATORS_TROUBLES),
            *(("troubles", t) for t in self.troubles if t.kind in INSTALLED_TROUBLES),
            *(("openings", each) for each in self.openings),
        ]

    def with_only(self, parts: list[tuple[str, object]]) -> Plan:
        """The plan with only these of its parts."""
        kept = set(parts)
        return replace(
            self,
            troubles=tuple(t for t in self.troubles if ("troubles", t) in kept),
            mornings={
                day: morning if ("mornings", day) in kept else Morning()
                for day, morning in self.mornings.items()
            },
            acts=tuple(a for a in self.acts if ("acts", a) in kept),
            subscribed=tuple(s for s in self.subscribed if ("subscribed", s) in kept),
            habits=tuple(h for h in self.habits if ("habits", h) in kept),
            absences=tuple(a for a in self.absences if ("absences", a) in kept),
            openings=tuple(o for o in self.openings if ("openings", o) in kept),
        )


def make_plan(
    seed: int, days: int, workspaces: int = 3, channels: int = 8, moments: int | None = None
) -> Plan:
    """Everything that happens within so many days; all of it hangs on the seed. The digests are
    due at so many different times of day; None: at any."""
    random = Random(f"{seed} plan")
    begin = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=random.randrange(300))
    # In some runs people do much, so that what they do meets.
    busy = Random(f"{seed} busy").choice((1.0, 1.0, 6.0))
    addresses = tuple(
        Address(platform=PLATFORMS[w % 2], workspace=f"T{w}", channel=f"C{w}{c}")
        for w in range(workspaces)
        for c in range(channels)
    )
    profiles = {w: _profiles(seed, w) for w in sorted({a.workspace_key for a in addresses})}
    dates = [begin.date() + timedelta(days=n) for n in range(-2, days + 4)]
    subscribed = _subscribed(random, addresses, profiles)
    many_tokens = Random(f"{seed} tokens").choice((9_000, 13_000, 20_000))
    many = Random(f"{seed} installed")
    installed, rotates = many.random() < 0.4, many.random() < 0.5
    operator = Random(f"{seed} ops").choice((None, None, *OPERATORS))
    return Plan(
        seed=seed,
        days=days,
        begin=begin,
        channels=addresses,
        profiles=profiles,
        subscribed=tuple(_at_few_times(seed, subscribed, moments)),
        mornings={
            day: Morning(random.choice(arxiv_edge.KINDS), random.random() ** 4 * 22)
            for day in dates[4:-4]
        },
        troubles=(
            *_troubles(random, days, _some(seed, TROUBLES, 3)),
            *_more_troubles(Random(f"{seed} more"), days, _some(seed, MORE_TROUBLES, 2)),
            *_timely_troubles(Random(f"{seed} timely"), days, _some(seed, TIMELY_TROUBLES, 3)),
            *_timely_troubles(Random(f"{seed} rare"), days, _some(seed, RARE_TROUBLES, 1)),
            *_timely_troubles(Random(f"{seed} closest"), days, CLOSEST_TROUBLES),
            *_long_troubles(Random(f"{seed} long"), days),
            *_at_the_new_list(Random(f"{seed} list"), begin, days),
            *(_installed_troubles(many, days, rotates) if installed else ()),
            *(_operators_troubles(Random(f"{seed} closed"), days) if operator else ()),
        ),
        acts=(
            *_acts(random, days, addresses, profiles, busy),
            *_asked_twice(Random(f"{seed} two"), days, subscribed, busy),
            *_asked_early(Random(f"{seed} early"), begin, days, subscribed),
        ),
        day_tokens=random.choice((None, None, 6000, many_tokens)),
        catch_up_days=random.choice((1, 3, 5)),
        busy_seconds=random.choice((10.0, 60.0, 120.0, 120.0)),
        habits=tuple(habits(seed, days, addresses, busy)),
        absences=tuple(absences(seed, days, addresses)),
        openings=tuple(openings(seed, days, addresses)),
        operator=operator,
        installed=installed,
        rotates=rotates,
    )


def _profiles(seed: int, workspace: str) -> tuple[Profile, ...]:
    """Three profiles; their titles have a word that no other workspace has."""
    word = f"{Random(f'{seed} {workspace}').getrandbits(40):010x}"
    return tuple(
        profile(
            name=f"matters-{n}",
            title=f"Matters of {word} {n}",
            categories=CATEGORIES[: n + 1],
            cutoffs={"relevance": 7, "novelty": 6},
            maximum=(20, 2, 1)[n],
            gate=False,
        )
        for n in range(3)
    )


def _subscribed(
    random: Random, addresses: tuple[Address, ...], profiles: dict[str, tuple[Profile, ...]]
) -> list[Subscribed]:
    rows = []
    for number, address in enumerate(addresses):
        chosen = random.sample(profiles[address.workspace_key], random.choice((1, 1, 1, 2)))
        for each in chosen:
            at = time(random.randrange(24), random.choice((0, 30)))
            days = random.choice((WEEKDAYS, WEEKDAYS, WEEKDAYS, EVERY_DAY, (0, 3), (4,)))
            schedule = Schedule(at=at, tz=random.choice(_ZONES), days=days)
            top = random.choice((None, None, 1, 3))
            rows.append(Subscribed(number, each.name, schedule, top))
    return rows


def _at_few_times(seed: int, rows: list[Subscribed], moments: int | None) -> list[Subscribed]:
    """The same with so many different times of day, as where most people like nine o'clock."""
    if moments is None:
        return rows
    random = Random(f"{seed} moments")
    times = [row.schedule for row in random.sample(rows, min(moments, len(rows)))]
    return [replace(row, schedule=_at_time_of(random.choice(times), row.schedule)) for row in rows]


def _at_time_of(other: Schedule, schedule: Schedule) -> Schedule:
    return Schedule(at=other.at, tz=other.tz, days=schedule.days)


def _some(seed: int, kinds: tuple[str, ...], most: int) -> tuple[str, ...]:
    """In every other run only so many kinds of troubles happen, more often then: what hangs on two
    of them comes to light sooner (swarm testing: Groce et al., ISSTA 2012)."""
    random = Random(f"{seed} {kinds}")
    return kinds if random.random() < 0.5 else tuple(random.sample(sorted(set(kinds)), most))


def _troubles(random: Random, days: int, kinds: tuple[str, ...]) -> list[Trouble]:
    """Some a day; most are over soon, few last for a day."""
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.0, 2.0, 8.0)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        kind = random.choice(kinds)
        seconds = random.choice((60.0, 600.0, 600.0, 3600.0, 3600.0, 3 * 3600.0, 15 * 3600.0))
        chance = random.random()
        if chance > 0.3:  # few are that long: while nothing works, nothing much happens
            seconds = min(seconds, 3600.0)
        rows.append(Trouble(at, kind, min(seconds, days * _DAY - at), chance))
    return rows


def _more_troubles(random: Random, days: int, kinds: tuple[str, ...]) -> list[Trouble]:
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.0, 0.0, 2.0, 10.0)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        kind = random.choice(kinds)
        seconds = min(40 * 3600.0, days * _DAY - at) if kind == "long closed" else 0.0
        rows.append(Trouble(at, kind, seconds, random.random()))
    return rows


def _timely_troubles(random: Random, days: int, kinds: tuple[str, ...]) -> list[Trouble]:
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.0, 0.0, 2.0, 8.0)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        kind = random.choice(kinds)
        # A channel has to stay closed until its digest is due.
        seconds = _DAY if kind == "dies at a pause" else random.choice((20.0, 60.0, 600.0, 3600.0))
        seconds = min(seconds, days * _DAY - at)
        rows.append(Trouble(at, kind, seconds, random.random(), is_timely=True))
    return rows


def _long_troubles(random: Random, days: int) -> list[Trouble]:
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.0, 0.0, 0.0, 0.4)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        seconds = min(random.choice((14, 20, 30)) * 3600.0, days * _DAY - at)
        rows.append(Trouble(at, random.choice(LONG_TROUBLES), seconds, random.random()))
    return rows


def _operators_troubles(random: Random, days: int) -> list[Trouble]:
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.0, 0.3, 1.0)) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        seconds = min(random.choice((0.5, 5, 20, 60)) * 3600.0, days * _DAY - at)
        rows.append(Trouble(at, "operator closed", seconds, random.random()))
    return rows


def _installed_troubles(random: Random, days: int, rotates: bool) -> list[Trouble]:
    rows, at = list[Trouble](), 0.0
    rate = random.choice((0.1, 0.3, 0.8)) / _DAY
    kinds = INSTALLED_TROUBLES if rotates else INSTALLED_TROUBLES[:-1]
    while (at := at + random.expovariate(rate)) < days * _DAY:
        kind, is_timely = random.choice(kinds), random.random() < 0.5
        hours = random.choice((1, 3, 5)) if kind == "away at expiry" else _away_for(random)
        seconds = min(hours * 3600.0, days * _DAY - at)
        rows.append(Trouble(at, kind, seconds, random.random(), is_timely))
    return rows


def _away_for(random: Random) -> float:
    """For how many hours a workspace does without."""
    return random.choice((0.01, 0.2, 0.2, 2, 2, 10, 40))


def _at_the_new_list(random: Random, begin: datetime, days: int) -> list[Trouble]:
    """The model fails when a day's new list, of midnight in New York, is judged."""
    rows, chance = list[Trouble](), random.choice((0.0, 0.0, 0.3))
    for number in range(1, days):
        midnight = datetime.combine(begin + timedelta(days=number), time(0), NEW_YORK)
        at = (midnight - begin).total_seconds()
        if random.random() < chance:
            seconds = random.choice((60.0, 600.0, 3600.0))
            rows.append(Trouble(at, "model", seconds, random.random(), is_timely=True))
    return rows


def _asked_twice(random: Random, days: int, subscribed: list[Subscribed], busy: float) -> list[Act]:
    """The same digest is asked for by two people, or by one of them again, a moment later."""
    rows, at = list[Act](), 0.0
    rate = busy * random.choice((0.0, 0.1)) * len(subscribed) / _DAY
    while rate and (at := at + random.expovariate(rate)) < days * _DAY:
        row = random.choice(subscribed)
        second = random.choice(("U1", "U2")), random.uniform(0.0, 2.0)
        for person, later in (("U1", 0.0), second):
            text = f"now {row.profile}"
            rows.append(Act(at + later, row.channel, text, random.random(), person=person))
    return rows


def _asked_early(
    random: Random, begin: datetime, days: int, subscribed: list[Subscribed]
) -> list[Act]:
    """A digest is asked for in the first minutes of a day in New York: its list may still grow."""
    rows, chance = list[Act](), random.choice((0.0, 0.7))
    for number in range(1, days):
        if random.random() < chance:
            midnight = datetime.combine(begin + timedelta(days=number), time(0), NEW_YORK)
            at = (midnight - begin).total_seconds() + random.uniform(0.0, 180.0)
            row = random.choice(subscribed)
            rows.append(Act(at, row.channel, f"now {row.profile}", random.random()))
    return rows


def _acts(
    random: Random,
    days: int,
    addresses: tuple[Address, ...],
    profiles: dict[str, tuple[Profile, ...]],
    busy: float,
) -> list[Act]:
    rows, at = list[Act](), 0.0
    while (at := at + random.expovariate(busy * 0.2 * len(addresses) / _DAY)) < days * _DAY:
        channel = random.randrange(len(addresses))
        name = random.choice(profiles[addresses[channel].workspace_key]).name
        again = random.choice(((), (), (), (1.0,), (0.01, 3.0), (30.0,)))
        rows.append(Act(at, channel, _said(random, name), random.random(), again))
    return rows


def _said(random: Random, name: str) -> str:
    """What somebody types, or does: a vote and a question are about a paper that is there then."""
    at = f"{random.randrange(24):02}:{random.choice((0, 30)):02}"
    return random.choice(
        (
            *("vote", "vote", "vote", "why", "list", "cost", "missed", "nonsense"),
            f"edit {name} {random.randrange(5, 10)}",
            *(f"now {name}", f"now {name}", f"pause {name}", f"resume {name}", f"resume {name}"),
            f"unsubscribe {name}",
            f"subscribe {name} at {at} {random.choice(_ZONES)}",
            f"subscribe {name} at {at} top 2",
        )
    )
