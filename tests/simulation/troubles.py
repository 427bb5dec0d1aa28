"""What goes wrong in the simulation, when its time has come."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import redis

from bot.domain.message import Card
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest
from bot.store.keeping.backup import Backup, BackupEntry
from bot.store.outbox import read_entry
from bot.store.values.packing import unpacked
from bot.store.values.stored_forms import FORMAT_VERSION
from tests.simulation.arxiv_edge import HALF_HOURS, Morning
from tests.simulation.chat_edge import Chat, Event, Shown
from tests.simulation.model_edge import FAULTS
from tests.simulation.plan import WAITS_SECONDS, Act, Trouble
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

# Reasons for which a channel cannot be posted to, and for which no channel of a workspace can.
_CLOSED = (ChannelReason.ARCHIVED, ChannelReason.NOT_A_MEMBER, ChannelReason.CHANNEL_GONE)
_REVOKED = (ChannelReason.BAD_TOKEN, ChannelReason.NO_SCOPE)
# Timely troubles that wait for another moment than the begin of a job.
_OWN_MOMENT = (
    *("head deleted", "shared head deleted", "locked", "list grows", "dies at a pause"),
    *("asks again", "away when asked"),
)
# Kinds of keys that are made unreadable.
_GARBLED = ("digest", "judged", "listed", "delivered")


@dataclass
class Span:
    """When a trouble was there, in seconds from the begin; one that still is has no end."""

    kind: str
    at: float
    end: float = math.inf


class Troubles:
    """Each begins at its time and ends after its seconds; `end` ends them all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = False
        self.spans: list[Span] = []
        # From when to when (monotonic) what was stored is forgotten again.
        self.forgotten: list[tuple[float, float]] = []
        self.closed_until: dict[Address, float] = {}
        self.closings = Counter[Address]()  # how often a channel was closed
        self.damaged_threads: set[str] = set()
        self.garbled: set[str] = set()  # keys whose value was made unreadable

    def start(self) -> None:
        for trouble in self._world.plan.troubles:
            self.add(trouble, trouble.at)

    def add(self, trouble: Trouble, after: float = 0.0) -> None:
        """It begins after so many seconds."""
        process = Process("trouble", lambda: self._happen(trouble), is_mortal=False)
        self._world.scheduler.spawn(process, after)

    def end(self) -> None:
        world = self._world
        self._ended = True
        for span in self.spans:
            span.end = min(span.end, self._seconds())
        world.tell("calm")
        scheduler = world.scheduler
        scheduler.deaths, world.redis.lost, world.model.rate = 0.0, 0.0, 0.0
        world.model.babbles = world.model.is_gone = False
        scheduler.set_clock(0.0)
        world.arxiv.is_calm = True
        for chat in world.chats.values():
            chat.trouble, chat.is_away, chat.refuses_edits = 0.0, False, False
            for address in list(chat.closed):
                self._reopen(chat, address)

    def _happen(self, trouble: Trouble) -> None:
        random = Random(trouble.chance)
        handlers: dict[str, Callable[[Trouble, Random], None]] = {
            "flaky": self._flaky,
            "away": self._away,
            "redis": self._redis,
            "model": self._model,
            "no model": self._no_model,
            "deleted": self._deleted,
            "head deleted": self._deleted,
            "locked": self._locked,
            "edits refused": self._edits_refused,
            "card refused": self._card_refused,
            "closed": self._closed,
            "long closed": self._closed,
            "revoked": self._closed,
            "kill": self._kill,
            "deaths": self._deaths,
            "clock": self._clock,
            "restore": self._restore,
            "upgrade": self._upgrade,
            "freeze": self._freeze,
            "orphan": self._orphan,
            "garbled": self._garbled,
            "babbles": self._babbles,
            "list grows": self._list_grows,
            "dies at a pause": self._dies_at_a_pause,
            "shared head deleted": self._shared_head_deleted,
            "asks again": self._asks_again,
            "away when asked": self._away_when_asked,
        }
        if trouble.is_timely and trouble.kind not in _OWN_MOMENT:
            if trouble.kind in ("model", "babbles"):
                self._world.lanes.scoring.wait(WAITS_SECONDS)
            else:
                self._busy_lane(random)
            if self._ended:
                return
        span = Span(trouble.kind, self._seconds())
        self.spans.append(span)
        handlers[trouble.kind](trouble, random)
        span.end = self._seconds()

    def _seconds(self) -> float:
        """Seconds from the begin."""
        return self._world.scheduler.now - self._world.plan.begin.timestamp()

    def _lasts(self, trouble: Trouble) -> bool:
        """Whether it is this trouble, not the end of all, that ends after its time."""
        self._world.scheduler.sleep(trouble.seconds)
        return not self._ended

    def _chat(self, random: Random) -> Chat:
        return random.choice(list(self._world.chats.values()))

    def _flaky(self, trouble: Trouble, random: Random) -> None:
        chat = self._chat(random)
        chat.trouble = random.choice((0.02, 0.1, 0.4))
        self._world.tell(f"{chat.platform} loses {chat.trouble:.0%} of requests and answers")
        if self._lasts(trouble):
            chat.trouble = 0.0
            self._world.tell(f"{chat.platform} is well")

    def _away(self, trouble: Trouble, random: Random) -> None:
        self._be_away(self._chat(random), trouble)

    def _be_away(self, chat: Chat, trouble: Trouble) -> None:
        chat.is_away = True
        self._world.tell(f"{chat.platform} is away")
        if self._lasts(trouble):
            chat.is_away = False
            self._world.tell(f"{chat.platform} is back")

    def _redis(self, trouble: Trouble, random: Random) -> None:
        redis = self._world.redis
        redis.lost = random.choice((0.01, 0.1, 0.5))
        self._world.tell(f"redis loses {redis.lost:.0%} of messages and answers")
        if self._lasts(trouble):
            redis.lost = 0.0
            self._world.tell("redis is well")

    def _model(self, trouble: Trouble, random: Random) -> None:
        model = self._world.model
        model.fault, model.rate = random.choice(FAULTS), random.choice((0.3, 1.0))
        self._world.tell(f"the model: {model.fault}, {model.rate:.0%} of calls")
        if self._lasts(trouble):
            model.rate = 0.0
            self._world.tell("the model is well")

    def _no_model(self, trouble: Trouble, random: Random) -> None:
        model = self._world.model
        model.is_gone = True
        self._world.tell("the model is gone")
        if self._lasts(trouble):
            model.is_gone = False
            self._world.tell("the model is there again")

    def _deleted(self, trouble: Trouble, random: Random) -> None:
        """A person deletes a card, or the head of a thread."""
        is_head = trouble.kind == "head deleted"
        rows = self._live(lambda m: m.under is None if is_head else isinstance(m.post, Card))
        if trouble.is_timely:
            rows = self._next_head(random)
        if rows:
            self._remove([random.choice(rows[-20:])], "head" if is_head else "card")

    def _remove(self, rows: list[tuple[Address, Shown]], what: str) -> None:
        for address, shown in rows:
            shown.removed = "by hand"
            self.damaged_threads.add(shown.id)
            self._world.tell(f"{address}: {what} deleted by hand")

    def _shared_head_deleted(self, trouble: Trouble, random: Random) -> None:
        """In a channel with two profiles, which may show the same papers."""
        world, numbers = self._world, Counter(row.channel for row in self._world.plan.subscribed)
        shared = {world.plan.channels[number] for number, n in numbers.items() if n > 1}
        for _ in range(20):
            rows = [row for row in self._next_head(random) if row[0] in shared]
            if rows or self._ended:
                self._remove(rows, "head")
                return

    def _locked(self, trouble: Trouble, random: Random) -> None:
        rows = self._live(lambda m: m.under is None)
        if trouble.is_timely:
            rows = self._next_head(random)
        if rows:
            address, shown = random.choice(rows[-20:])
            self._world.chats[address.platform].locked.add(shown.id)
            self.damaged_threads.add(shown.id)
            self._world.tell(f"{address}: thread locked")

    def _next_head(self, random: Random) -> list[tuple[Address, Shown]]:
        """The next message that may become a thread's head, at once or after its first reply."""
        chat, scheduler = self._chat(random), self._world.scheduler
        id, replies = chat.headed.wait(WAITS_SECONDS), random.choice((0, 1, 1, 2))
        heads = self._live(lambda m: m.under is None and m.id == id)
        found = [row for row in heads if row[0].platform == chat.platform]
        for address, head in found:
            for _ in range(10):
                if sum(m.under == head.id for m in chat.channels[address]) >= replies:
                    break
                scheduler.sleep(0.3)
        return found

    def _edits_refused(self, trouble: Trouble, random: Random) -> None:
        chat = self._chat(random)
        chat.refuses_edits = True
        self._world.tell(f"{chat.platform} refuses edits")
        if self._lasts(trouble):
            chat.refuses_edits = False

    def _card_refused(self, trouble: Trouble, random: Random) -> None:
        chat, world = self._chat(random), self._world
        papers = world.arxiv.papers(world.scheduler.datetime().date())
        if papers:
            title = random.choice(papers).paper.title
            chat.refused_titles |= {title}
            world.tell(f"{chat.platform} refuses {title!r}")

    def _closed(self, trouble: Trouble, random: Random) -> None:
        """A channel, or with a token every channel of a workspace, cannot be posted to."""
        world = self._world
        address = random.choice(world.plan.channels)
        is_revoked = trouble.kind == "revoked"
        reason = random.choice(_REVOKED if is_revoked else _CLOSED)
        closed = [
            other
            for other in world.plan.channels
            if other == address or (is_revoked and other.workspace_key == address.workspace_key)
        ]
        chat = world.chats[address.platform]
        for each in closed:
            chat.closed[each] = reason
            self.closings[each] += 1
        world.tell(f"{address.workspace if is_revoked else address}: {reason}")
        if self._lasts(trouble):
            for each in closed:
                self._reopen(chat, each)
            world.tell(f"{address.workspace if is_revoked else address}: open again")

    def _reopen(self, chat: Chat, address: Address) -> None:
        """The platform tells the bot until the bot has heard it."""
        chat.closed.pop(address, None)
        self.closed_until[address] = self._world.scheduler.now
        event = Event(f"open {address}", self._world.scheduler.now, address, "U1", "", "reactivate")
        self._world.people.events.append(event)
        chat.write(event)

    def _kill(self, trouble: Trouble, random: Random) -> None:
        world = self._world
        victims = [*world.lanes.workers.values(), *([world.bot] if world.bot else [])]
        victim = random.choice(victims)
        world.tell(f"{victim.name} killed")
        world.scheduler.kill(victim)

    def _freeze(self, trouble: Trouble, random: Random) -> None:
        """A worker's machine stands still, and goes on where it was."""
        lane = self._busy_lane(random)
        # Another takes over after 16 s: what matters most is who comes back while it is at work.
        seconds = random.choice((10.0, *(random.uniform(16.0, 24.0),) * 3, 40.0, 120.0, 600.0))
        if self._ended:
            return
        # Before it has sent something to Redis, or when Redis has done it and has answered.
        at = random.choice((("redis", "redis answered"), ("redis answered",)))
        self._world.lanes.freeze(lane, seconds, at)
        self._world.tell(f"worker {lane} stands still for {seconds:.0f} s")

    def _busy_lane(self, random: Random) -> str:
        """A lane whose worker is at a job, as soon as there is one, or was a moment ago."""
        lane = self._world.lanes.begun.wait(WAITS_SECONDS)
        self._world.scheduler.sleep(random.choice((0.0, 0.5, 2.0, 8.0)) * random.random())
        return lane or random.choice(list(self._world.lanes.workers))

    def _orphan(self, trouble: Trouble, random: Random) -> None:
        lane = self._busy_lane(random)
        if self._ended:
            return
        self._world.tell(f"worker {lane} dies, its job lives on")
        self._world.lanes.orphan(lane)

    def _garbled(self, trouble: Trouble, random: Random) -> None:
        """A stored value becomes unreadable."""
        world = self._world
        with world.redis.unobserved():
            client = world.redis.client()
            keys = [key for kind in _GARBLED for key in sorted(client.keys(f"pb:{kind}:*"))[-5:]]
            if keys:
                key = random.choice(keys)
                client.set(key, "{", keepttl=True)
                self.garbled.add(key)
                world.tell(f"{key} is garbled")

    def _babbles(self, trouble: Trouble, random: Random) -> None:
        model = self._world.model
        model.babbles = True
        self._world.tell("the model babbles")
        if self._lasts(trouble):
            model.babbles = False

    def _list_grows(self, trouble: Trouble, random: Random) -> None:
        """Half a list becomes a whole one while it is judged, and somebody asks for it then."""
        world = self._world
        while True:
            lane = self._world.lanes.scoring.wait(WAITS_SECONDS)
            self._world.scheduler.sleep(4.0 * random.random())
            day, hours = world.arxiv.local_hours()
            morning = world.arxiv.mornings.get(day, Morning())
            if self._ended:
                return
            is_half = morning.kind == "half" and hours < min(morning.hours, HALF_HOURS)
            if lane == "batch" and is_half:
                break
        world.arxiv.mornings[day] = Morning("half", hours)
        world.tell("arXiv's list is whole")
        row = random.choice(world.plan.subscribed)
        world.people.add(Act(0.0, row.channel, f"now {row.profile}", 0.0, person="U1"))

    def _asks_again(self, trouble: Trouble, random: Random) -> None:
        """Somebody whose digest has just come asks for it again, while the bot looks who waits."""
        world = self._world
        end = world.scheduler.now + WAITS_SECONDS
        while not self._ended and world.scheduler.now < end:
            world.redis.looked.wait(end - world.scheduler.now)
            with world.redis.unobserved():
                served = [r for r in world.store().requests.all() if self._is_served(r)]
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

    def _away_when_asked(self, trouble: Trouble, random: Random) -> None:
        """Somebody asks for a digest, and their chat is away when they would hear of it."""
        platform = self._world.people.asked.wait(WAITS_SECONDS)
        if platform and not self._ended:
            self._world.scheduler.sleep(random.choice((0.1, 1.0, 5.0)) * random.random())
            self._be_away(self._world.chats[platform], trouble)

    def _is_served(self, request: DigestRequest) -> bool:
        """Whether what a person asked for was delivered since."""
        done = self._world.store().history.of(request.address)
        return bool(request.by) and any(each.at > request.since for each in done)

    def _dies_at_a_pause(self, trouble: Trouble, random: Random) -> None:
        """A channel is closed; whoever finds that out may die of it."""
        world = self._world
        row = random.choice(world.plan.subscribed)
        address = world.plan.channels[row.channel]
        world.chats[address.platform].closed[address] = random.choice(_CLOSED)
        self.closings[address] += 1
        world.tell(f"{address} is closed")
        world.chats[address.platform].refused.wait(trouble.seconds)
        if self._ended:
            return
        world.scheduler.deaths = 0.1
        world.scheduler.sleep(3.0)
        world.scheduler.deaths = 0.0
        world.scheduler.sleep(3600.0)
        if not self._ended:
            self._reopen(world.chats[address.platform], address)

    def _deaths(self, trouble: Trouble, random: Random) -> None:
        scheduler = self._world.scheduler
        scheduler.deaths = random.choice((0.0005, 0.002, 0.01))
        self._world.tell(f"processes die at {scheduler.deaths:.2%} of their effects")
        # Where nothing is ever finished, an hour shows as much as a day.
        if self._lasts(replace(trouble, seconds=min(trouble.seconds, 3600.0))):
            scheduler.deaths = 0.0
            self._world.tell("processes live")

    def _clock(self, trouble: Trouble, random: Random) -> None:
        seconds = random.choice((-3600.0, -60.0, 20.0, 600.0, 3600.0))
        self._world.tell(f"the clock is set by {seconds:+.0f} s")
        self._world.scheduler.set_clock(seconds)
        if self._lasts(trouble):
            self._world.scheduler.set_clock(0.0)
            self._world.tell("the clock is right again")

    def _restore(self, trouble: Trouble, random: Random) -> None:
        """A backup is made; later the machine is lost, and restored from it on an empty server."""
        world = self._world
        begun = world.scheduler.now
        try:
            rows = self._backup()
        except redis.RedisError:
            world.tell("no backup could be made")
            return
        world.tell("a backup is made")
        if not self._lasts(trouble):
            return
        world.stop()
        world.redis.lost = 0.0
        world.redis.empty()
        with world.redis.unobserved():
            self._put_back(rows)
        self.forgotten.append((begun, world.scheduler.now))
        world.tell("restored from the backup")
        world.start()

    def _upgrade(self, trouble: Trouble, random: Random) -> None:
        """The machine is stopped; what is stored was written by the release before this form."""
        world = self._world
        world.stop()
        with world.redis.unobserved():
            write_in_form_1(world.store().redis)
        world.tell("upgraded")
        world.start()

    def _backup(self) -> list[BackupEntry]:
        return list(Backup(self._world.store()).all())

    def _put_back(self, rows: list[BackupEntry]) -> None:
        backup, now = Backup(self._world.store()), self._world.scheduler.datetime()
        backup.begin_restore("simulated")
        for row in rows:
            backup.put(row, now)
        backup.end_restore()

    def _live(self, wanted: Callable[[Shown], bool]) -> list[tuple[Address, Shown]]:
        """The messages in channels that people see, the newest last."""
        rows = [
            (address, shown)
            for chat in self._world.chats.values()
            for address, messages in chat.channels.items()
            if not address.channel.startswith("D")
            for shown in messages
            if not shown.removed and wanted(shown)
        ]
        return sorted(rows, key=lambda row: row[1].at)


def write_in_form_1(redis: Any) -> None:
    """Rewrite what is stored as form 1 had it: without its version, and replacements as a list of
    categories (stored_forms.UPGRADES). Gates, which had another form, are left as they are."""
    for key in list(redis.scan_iter("pb:*")):
        if key.startswith(("pb:gate:", "pb:gate-report:")):
            continue
        if redis.type(key) == "hash":
            rows = {field: _form_1(text) for field, text in redis.hgetall(key).items()}
            if key.startswith("pb:outbox:"):
                rows = {slot: _entry_of_form_3(slot, text) for slot, text in rows.items()}
            if key.startswith("pb:had:"):
                rows = _had_of_form_3(rows)
                redis.delete(key)
            redis.hset(key, mapping=rows)
        elif key.startswith("pb:first-shown:"):
            members = redis.zrange(key, 0, -1, withscores=True)
            redis.delete(key)
            redis.zadd(key, {member.partition(" ")[0]: score for member, score in members})
        elif redis.type(key) == "string":
            redis.set(key, _form_1(redis.get(key)), keepttl=True)
    redis.set("pb:form", 1)


def _entry_of_form_3(slot: str, text: str) -> str:
    """In form 3 a message was JSON."""
    return text if slot == "#" else read_entry(text).model_dump_json()


def _had_of_form_3(rows: dict[str, str]) -> dict[str, str]:
    """In form 3 a channel had a row for each paper."""
    found = {field: text for field, text in rows.items() if not field.startswith("@")}
    for field in rows.keys() - found.keys():
        day = json.loads(rows[field])
        for id in day["papers"]:
            found[id] = f"{day['profile']} {day['batch']} {field[1:]}"
    return found


def _form_1(text: str) -> str:
    text = unpacked(text)
    if not text.startswith(f'{{"v":{FORMAT_VERSION},'):
        return text
    body = json.loads(text)
    del body["v"]
    is_replacement = {"categories"} <= set(body) <= {"categories", "change"}
    return json.dumps(body["categories"] if is_replacement else body)
