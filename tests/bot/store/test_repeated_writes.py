"""A write whose answer was lost is made again by redis-py: whoever wrote learns the same as if it
had not been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.domain.judge import VotedExample
from bot.domain.profile_version import ProfileVersion
from bot.domain.readers.following import Evidence, Follow, FollowKind, Telling
from bot.domain.readers.teaching import Lesson, VoteUse, VoteWeight
from bot.domain.readers.tokens import AccessToken
from bot.domain.readers.zotero import SentPaper, ZoteroAccess
from bot.domain.request import Address
from bot.domain.subscription import Vote
from bot.domain.watching.ledger import Excuse
from bot.planning.following import merged
from bot.store.chats.installations import Installation
from bot.store.key_repair import RepairingRedis
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.store.values.stored_forms import serialise
from tests.factories import DAY, NOW, profile, saved_paper, subscription

HERE = Address(platform="slack", workspace="T1", channel="C1")
_WRITES = ("EVAL", "HSETNX", "SET")


class _Unlucky(redis.UnixDomainSocketConnection):
    """The server does what it is asked to, and its answer to a write is lost the first time."""

    lost: list[tuple[Any, ...]]
    _asked: tuple[Any, ...] = ("",)

    def __init__(self, lost: list[tuple[Any, ...]], **options: Any) -> None:
        self.lost = lost
        super().__init__(**options)

    def send_command(self, *args: Any, **options: Any) -> None:
        self._asked = args
        super().send_command(*args, **options)

    def read_response(self, *args: Any, **options: Any) -> Any:
        answer = super().read_response(*args, **options)
        if self._asked[0] in _WRITES and self._asked not in self.lost:
            self.lost.append(self._asked)
            self.disconnect()
            raise redis.ConnectionError("the answer was lost")
        return answer


@pytest.fixture
def lost() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def unlucky(redis_url: str, store: Store, lost: list[tuple[Any, ...]]) -> Iterator[Store]:
    pool = redis.ConnectionPool.from_url(
        redis_url,
        connection_class=_Unlucky,
        lost=lost,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1),
    )
    with RepairingRedis(connection_pool=pool) as client:
        yield Store(client)


def _save(store: Store) -> bool:
    own = profile()
    version = ProfileVersion(profile=own, by="U1", at=NOW)
    return store.profiles.save(HERE, own.name, None, own, version, None)


def _vote(store: Store) -> bool:
    lesson = Lesson(
        profile="ours",
        channel=str(HERE),
        paper="2503.15294",
        ref="r",
        title="A title",
        by="U1",
        vote=Vote.UP,
        at=NOW,
    )
    return store.votes.cast(HERE, lesson) and store.cards.state(HERE, lesson.paper).votes.up == 1


FOLLOW = Follow(workspace="slack:T1", by="U1", kind=FollowKind.TERM, what="codes", since=NOW)
TELLING = Telling(
    workspace="slack:T1", by="U1", paper="2503.15294", follows=(FOLLOW.token,), date=DAY, at=NOW
)


def _owe(store: Store) -> bool:
    store.tellings.owe(TELLING, merged)
    return store.tellings.owed("slack") == {("slack:T1", "U1"): [TELLING]}


def _place(store: Store) -> bool:
    store.tellings.owe(TELLING, merged)
    placed = TELLING.model_copy(update={"place": "C1 day"})
    there = store.tellings.put_owed([placed])
    return there == [placed] and store.tellings.owed("slack") == {("slack:T1", "U1"): [placed]}


def _tell(store: Store) -> bool:
    store.tellings.owe(TELLING, merged)
    store.tellings.settle([TELLING], NOW)
    told = store.tellings.told("slack:T1", "U1")
    return list(told) == [TELLING.paper] and store.tellings.owed("slack") == {}


def _not_them(store: Store) -> bool:
    store.follows.put(FOLLOW)
    other = Evidence(paper="2503.15294")
    after = store.follows.change(FOLLOW, lambda now: now.model_copy(update={"others": (other,)}))
    return after is not None and store.follows.all() == [after]


def _look_through(store: Store) -> bool:
    store.tellings.put_untold(HERE, "day", NOW)
    store.tellings.drop_untold(HERE, "day", NOW)
    return store.tellings.untold("slack") == {}


def _keep(store: Store) -> bool:
    mine = saved_paper(shared=(str(HERE),))
    before, _ = store.saved.change("slack:T1", "U1", mine.paper, lambda _: mine)
    return before is None and len(store.saved.shared_with(str(HERE), NOW)) == 1


ACCESS = ZoteroAccess(sealed="-", library="7", at=NOW)


def _give_key(store: Store) -> bool:
    store.zotero.propose("slack:T1", "U1", ACCESS)
    used = ACCESS.model_copy(update={"library": "groups/7"})
    return (
        store.zotero.accept("slack:T1", "U1", ACCESS, used)
        and store.zotero.access("slack:T1", "U1") == used
        and store.zotero.proposed("slack:T1", "U1") is None
    )


def _send(store: Store) -> bool:
    assert _give_key(store)
    sent = SentPaper(paper="2503.15294", title="A", library="groups/7", item="ABCD2345", at=NOW)
    store.zotero.put_sent("slack:T1", "U1", [sent])
    return store.zotero.sent("slack:T1", "U1") == [sent]


TOKEN = AccessToken(
    hash="0" * 64, workspace="slack:T1", by="U1", at=NOW, until=NOW + timedelta(days=1)
)


def _give_token(store: Store) -> bool:
    store.tokens.put(TOKEN)
    store.tokens.note_used(TOKEN, DAY)
    used = TOKEN.model_copy(update={"used": DAY})
    return (
        store.tokens.find(TOKEN.hash, NOW) == used
        and len(store.tokens.of("slack:T1", "U1", NOW)) == 1
    )


def _weigh(store: Store) -> bool:
    off = VoteUse(weight=VoteWeight.OFF)
    before, after = store.vote_uses.change("slack:T1", "ours", lambda _: off)
    return (before, after) == (VoteUse(), off)


def _choose(store: Store) -> bool:
    shown = VoteUse(shows=True)
    store.redis.hset("pb:vote-uses", "slack:T1:ours", serialise(shown))
    one = VotedExample(paper="2503.15294", title="A title", relevance=3, is_liked=True)
    store.vote_uses.choose("slack:T1", "ours", (one,), DAY)
    return store.vote_uses.of("slack:T1", "ours").chosen == (one,)


def _deliver(store: Store) -> bool:
    key, late = subscription().key, timedelta(minutes=10)
    store.ledger.open(key, [NOW, NOW + late], NOW + late)
    store.ledger.settle(key, NOW, NOW + late)
    store.ledger.excuse(key, [NOW + late], Excuse.PAUSED)
    found = store.ledger.month(NOW.date(), NOW, 12)
    return (found.owed, found.made, found.excused[Excuse.PAUSED]) == (2, 1, 1)


def _count(store: Store) -> bool:
    store.counts.raise_to("a day", {"scored": 3})
    return store.counts.all() == {"scored": 3}


INSTALLATION = Installation(team="T1", name="", site="", bot_user_id="UBOT", at=NOW, sealed="s")


def _install(store: Store) -> bool:
    store.installations.put(INSTALLATION)
    renewed = INSTALLATION.model_copy(update={"sealed": "new"})
    replaced = store.installations.replace(INSTALLATION, renewed) == renewed
    return replaced and store.installations.replace(INSTALLATION, None) == renewed


WRITES: dict[str, Callable[[Store], bool]] = {
    "an event is taken": lambda store: store.events.is_first_delivery("e1"),
    "the last call of the day is taken": lambda store: Lookups(store).take_call("slack:T1", NOW, 1),
    "the last answer is shared": lambda store: Lookups(store).take_share("T1", "U1", NOW, 1),
    "an outage begins": lambda store: store.outages.put("slack", "away", NOW),
    "a profile is saved": _save,
    "somebody votes": _vote,
    "votes count nothing": _weigh,
    "a model is shown a paper": _choose,
    "somebody is owed a paper": _owe,
    "it is decided where they are told": _place,
    "somebody was told of a paper": _tell,
    "a paper is by somebody else": _not_them,
    "a delivery is looked through": _look_through,
    "somebody saves a paper": _keep,
    "a key to Zotero works": _give_key,
    "papers were sent to Zotero": _send,
    "a token is made, and used": _give_token,
    "a digest is owed, and made": _deliver,
    "papers are counted": _count,
    "somebody installs it, and a token is exchanged": _install,
    "a state comes back from Slack": lambda store: store.install_states.take("b" * 32),
    "a subscription ends": lambda store: store.subscriptions.drop(subscription()),
}


@pytest.mark.parametrize("name", WRITES)
def test_whoever_writes_hears_that_it_was_done_though_the_first_answer_was_lost(
    unlucky: Store, store: Store, lost: list[tuple[Any, ...]], name: str
) -> None:
    store.subscriptions.put(subscription())
    assert WRITES[name](unlucky)
    assert lost


def test_a_state_is_taken_once(store: Store) -> None:
    assert store.install_states.take("a" * 32)
    assert not store.install_states.take("a" * 32)


def test_a_token_that_was_ended_while_it_was_used_stays_ended(store: Store) -> None:
    store.tokens.put(TOKEN)
    store.tokens.end(TOKEN)
    store.tokens.note_used(TOKEN, DAY)
    assert store.tokens.find(TOKEN.hash, NOW) is None
    assert store.tokens.of("slack:T1", "U1", NOW) == []


def test_an_event_that_another_process_took_is_not_taken_again(store: Store) -> None:
    assert store.events.is_first_delivery("e1")
    assert not store.events.is_first_delivery("e1")


def test_a_delivery_that_was_made_anew_is_looked_through_again(store: Store) -> None:
    store.tellings.put_untold(HERE, "day", NOW)
    store.tellings.put_untold(HERE, "day", NOW + timedelta(seconds=1))
    store.tellings.drop_untold(HERE, "day", NOW)
    assert list(store.tellings.untold("slack")) == [(HERE, "day")]


def test_what_was_told_to_whoever_is_forgotten_meanwhile_is_not_kept(store: Store) -> None:
    store.tellings.owe(TELLING, merged)
    store.follows.erase("slack:T1", "U1")
    assert store.tellings.put_owed([TELLING]) == []
    store.tellings.settle([TELLING], NOW)
    assert store.tellings.told("slack:T1", "U1") == {}
    assert store.tellings.owed("slack") == {}
