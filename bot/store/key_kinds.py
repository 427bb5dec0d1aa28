"""Every kind of key: its pattern, its Redis type, and a check of its values.

One table for what a backup takes, what a restore accepts, and what a repaired key may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from bot.domain.budget import GateReport, SkipReason
from bot.domain.channel_view import ChannelView, Pointer
from bot.domain.digest import (
    Digest,
    FurtherLooks,
    ListResult,
    ScoreResult,
    Sentences,
    Usage,
)
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.papers import ArchiveList, Paper, Profile, Value
from bot.domain.profile_version import ProfileVersion
from bot.domain.readers.elsewhere import Audience
from bot.domain.readers.following import Follow, Telling, Told, Unreachable
from bot.domain.readers.saved import SavedPaper
from bot.domain.readers.teaching import Lesson, Taught, VoteUse
from bot.domain.readers.tokens import AccessToken
from bot.domain.readers.zotero import SentPaper, ZoteroAccess
from bot.domain.request import Delivery, DigestRequest, RecentDeliveries
from bot.domain.status import Outage
from bot.domain.subscription import Subscription, Vote
from bot.domain.tasks.task import Task, TaskResult
from bot.domain.watching.trouble import Sighting, Trouble
from bot.planning.plan import StepRecord
from bot.store.chats.installations import Installation
from bot.store.outbox import read_entry
from bot.store.papers import parse_vector
from bot.store.profiles import ProfileChange
from bot.store.readers.tokens import parse_owner
from bot.store.readers.votes import Forgotten
from bot.store.requests import FailedAttempt
from bot.store.shown_papers import ShownDay
from bot.store.values.stored_forms import (
    ListedPaper,
    Quarantined,
    Replaced,
    Unreadable,
    parse_aware_time,
    parse_int_pair,
    parse_json,
    reader_for,
    split_words,
    upgraded_json,
)
from bot.store.watching.ledger import parse_row

Type = Literal["string", "hash", "set", "zset", "list"]
# Takes a hash's field (empty elsewhere) and a value. Raises ValueError for one that is not valid.
Check = Callable[[str, str], object]

_LONGEST = 400
_MAX_TEXT = 20_000_000


@dataclass(frozen=True)
class KeyKind:
    """`is_transient`: under way, kept for a moment or easily made anew; no backup has it."""

    name: str
    type: Type
    check: Check
    is_transient: bool = False


def kind_of(key: str) -> KeyKind | None:
    """None when the key is not one of ours."""
    if len(key) > _LONGEST:
        return None
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(key)), None)


# -- checks


def _a(value: type[Value]) -> Check:
    read = reader_for(value)
    return lambda _, text: read(text)


def _text(_: str, text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise Unreadable("it is too long")
    return text


def _number(_: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text):
        raise Unreadable("it is not a whole number")
    return int(text)


def _lease(_: str, text: str) -> int:
    """Its number, and who holds it; older releases had the number alone."""
    return _number(_, text.partition(" ")[0])


def _moment(_: str, text: str) -> datetime:
    return parse_aware_time(text)


def _day(_: str, text: str) -> date:
    return date.fromisoformat(text)


def _place(_: str, text: str) -> str:
    if not re.fullmatch(_PLACE, text):
        raise Unreadable("it is no channel's address")
    return text


def _had(field: str, text: str) -> object:
    """The papers of a delivery; what brought a paper, in what form 3 wrote."""
    return reader_for(ShownDay)(text) if field.startswith("@") else split_words(text, 3)


def _usual(day: str, text: str) -> object:
    return date.fromisoformat(day), parse_int_pair(text)


def _spared(name: str, text: str) -> object:
    on, why, _ = name.split(" ", 2)
    return date.fromisoformat(on), SkipReason(why), parse_int_pair(text)


def _version(number: str, text: str) -> object:
    return _number("", number), reader_for(ProfileVersion)(text)


def _entry(slot: str, text: str) -> object:
    return _number(slot, text) if slot == "#" else read_entry(text)


def _subscription(key: str, text: str) -> Subscription:
    subscription = reader_for(Subscription)(text)
    if subscription.key != key:
        raise Unreadable("it is filed under another channel or profile")
    return subscription


def _filed(
    value: type[Follow] | type[Telling] | type[Unreachable] | type[SavedPaper] | type[SentPaper],
) -> Check:
    """A value that is filed under its own key."""

    def check(key: str, text: str) -> Value:
        found = reader_for(value)(text)
        if found.key != key:
            raise Unreadable("it is filed under another name")
        return found

    return check


def _installation(key: str, text: str) -> Installation:
    installation = reader_for(Installation)(text)
    if installation.key != key:
        raise Unreadable("it is filed under another workspace")
    return installation


def _lesson(key: str, text: str) -> Lesson:
    lesson = reader_for(Lesson)(text)
    if lesson.key != key:
        raise Unreadable("it is filed under another channel, paper or person")
    return lesson


def _saved(paper: str, text: str) -> SavedPaper:
    saved = reader_for(SavedPaper)(text)
    if saved.paper != paper:
        raise Unreadable("it is filed under another paper")
    return saved


def _token(hash: str, text: str) -> AccessToken:
    token = reader_for(AccessToken)(text)
    if token.hash != hash:
        raise Unreadable("it is filed under another token")
    return token


def _object(_: str, text: str) -> object:
    """A value of the workers, whose type is unknown here."""
    if not isinstance(value := parse_json(text), dict):
        raise Unreadable("it is no JSON object")
    return value


def _vector(_: str, text: str) -> bytes:
    return parse_vector(text)


def _hex(_: str, text: str) -> bytes:
    return bytes.fromhex(text)


_ANY_PAPER = Paper(id="-", version=1, title="", abstract="", authors=(), categories=("-",))


def _digest(_: str, text: str) -> Digest:
    """Its papers are references (papers.paper_ref)."""
    body = upgraded_json("Digest", text)
    try:
        for row in body["decisions"]:
            if not isinstance(row["announced"]["paper"], str):
                raise Unreadable("a paper is not named")
            row["announced"]["paper"] = _ANY_PAPER.model_dump()
    except (KeyError, TypeError):
        raise Unreadable("it has no decisions") from None
    return Digest.model_validate(body)


def _reservation(field: str, text: str) -> str:
    if field == "state" and text not in ("open", "closed", "lapsed"):
        raise Unreadable("it is no state of a reservation")
    return text


_FP, _DAY = r"[0-9a-f]{16}", r"\d{4}-\d\d-\d\d"
_PERIOD = r"\d{4}-\d\d(-\d\d)?"
_PLACE = r"[a-z]+:[\w-]{0,64}:[\w-]{1,64}"  # as str(Address)
_WORKSPACE = r"[a-z]+:[\w-]{0,64}"
_PERSON = r"\w{1,64}"
_PAPER = r"[\w.-]+(/\d+)?"
_REF = rf"{_PAPER}v\d+:{_FP}"
_BATCH = r"[\w.-]+"
_PROFILE = r"[a-z0-9][a-z0-9-]{0,39}"
_MAKER = r"[a-z0-9-]+"
_SCOPE = rf"{_WORKSPACE}(/[\w-]+)?"

# The first pattern that matches counts.
_ROWS: Final[list[tuple[str, Type, Check, bool]]] = [
    ("form", "string", _number, True),
    ("restoring", "string", _text, True),
    ("aside", "hash", _a(Quarantined), False),
    # profiles, papers, lists, scores, days
    (f"profile:{_FP}", "string", _a(Profile), False),
    ("profiles", "hash", _a(Profile), False),
    ("terminal-profile", "string", _text, False),
    (f"profiles:{_WORKSPACE}", "hash", _a(Profile), False),
    (f"makers:{_WORKSPACE}", "hash", _text, False),
    (f"versions:{_WORKSPACE}:{_MAKER}", "hash", _version, False),
    (f"undo:{_WORKSPACE}:{_FP}", "string", _a(ProfileChange), True),
    (f"paper:{_REF}", "string", _a(Paper), False),
    (f"batch:{_BATCH}", "hash", _a(ListedPaper), False),
    (f"batch:{_BATCH}:replaced", "hash", _a(Replaced), False),
    (f"batch:{_BATCH}:changed", "string", _moment, False),
    (f"listed:{_FP}", "string", _a(ListResult), False),
    (f"asked:{_BATCH}", "hash", _moment, False),
    (f"archive:{_DAY}", "hash", _a(ArchiveList), False),
    (f"archive-answer:{_BATCH}:{_DAY}", "string", _text, True),
    (r"verdict:[\w.-]+:" + _PAPER, "string", _a(ScoreResult), False),
    (r"look:[\w.-]+:" + _PAPER, "string", _a(FurtherLooks), False),
    (r"call:[\w.-]+", "string", _a(Usage), False),
    (r"order:[\w.-]+", "string", _text, False),
    (r"written:[\w.-]+:" + _PAPER, "string", _a(Sentences), False),
    (r"shape:[\w.-]+", "string", _text, False),
    (r"digest:[\w.-]+", "string", _digest, False),
    (r"basis:[\w.-]+", "string", _moment, False),
    (r"judged:[\w.-]+", "string", _a(StepRecord), False),
    (f"days:{_FP}", "zset", _text, False),
    (f"usual:{_FP}", "hash", _usual, False),
    # channels: deliveries, requests, subscriptions, votes
    (r"delivered:.+", "string", _a(StepRecord), False),
    (r"chosen:.+", "string", _a(ChannelView), False),
    (f"history:{_PLACE}", "hash", _a(Delivery), False),
    (f"recent:{_PLACE}", "hash", _a(RecentDeliveries), False),
    (f"had:{_PLACE}", "hash", _had, False),
    (f"prepared:{_PLACE}", "zset", _text, False),
    (f"also:{_PLACE}:{_PAPER}", "set", _text, False),
    (f"first-shown:{_WORKSPACE}:{_PAPER}", "zset", _text, False),
    (f"shown-in:{_WORKSPACE}:{_PAPER}", "set", _text, False),  # until November 2026
    (f"pointer:{_PLACE}:{_PAPER}", "string", _a(Pointer), False),
    (f"audiences:{_WORKSPACE}", "hash", lambda _, text: Audience(text), False),
    ("audience-places", "set", _text, False),
    ("apart", "set", _place, False),
    (r"outbox:.+", "hash", _entry, False),
    ("wishes", "hash", _a(DigestRequest), False),
    ("subscriptions", "hash", _subscription, False),
    ("served", "hash", _day, False),
    ("weekly-best", "set", _place, False),
    (f"votes:{_PLACE}:{_PAPER}", "hash", lambda _, text: Vote(text), False),
    (f"lessons:{_WORKSPACE}:{_PROFILE}", "hash", _lesson, False),
    (f"vote-rankings:{_WORKSPACE}:{_PROFILE}", "string", _object, True),  # learned anew
    (f"taught:{_WORKSPACE}:{_PROFILE}", "string", _a(Taught), True),
    ("vote-uses", "hash", _a(VoteUse), False),
    (f"forgotten:{_WORKSPACE}:{_FP}", "string", _a(Forgotten), True),
    # what people follow
    ("follows", "hash", _filed(Follow), False),
    ("owed", "hash", _filed(Telling), False),
    (rf"told:{_WORKSPACE}:\w+", "hash", _a(Told), False),
    ("unreachable", "hash", _filed(Unreachable), False),
    ("untold", "hash", _moment, False),
    # what people keep
    (f"saved:{_WORKSPACE}:{_PERSON}", "hash", _saved, False),
    (f"shared:{_PLACE}", "hash", _filed(SavedPaper), False),
    (f"zotero:{_WORKSPACE}:{_PERSON}", "hash", _a(ZoteroAccess), False),
    (f"zotero-sent:{_WORKSPACE}:{_PERSON}", "hash", _filed(SentPaper), False),
    ("zotero-wait", "string", _moment, True),
    # In no backup: what somebody has ended must not come back with one.
    (f"tokens:{_WORKSPACE}:{_PERSON}", "hash", _token, True),
    ("token:[0-9a-f]{64}", "string", lambda _, text: parse_owner(text), True),
    # where Paperboy is installed
    ("installations", "hash", _installation, False),
    (r"install-state:[0-9a-f]{32}", "string", _text, True),
    # what is watched
    ("owed-digests", "hash", lambda _, text: parse_row(text), False),
    (r"ledger:\d{4}-\d\d", "hash", _number, False),
    ("counts", "hash", _number, False),
    (f"counted:{_FP}", "hash", _number, True),
    ("sighted", "hash", _a(Sighting), True),
    ("troubles", "hash", _a(Trouble), True),
    # costs, gates, lookups
    (f"spent:{_SCOPE}:{_PERIOD}", "hash", _number, False),
    (f"spared:{_SCOPE}:{_PERIOD}", "hash", _spared, False),
    (f"spenders:{_WORKSPACE}:{_PERIOD}", "set", _text, False),
    (f"gate:{_FP}", "string", _object, False),
    (f"gate-days:{_FP}", "hash", _text, False),
    (f"gate-tallies:{_FP}", "hash", _object, False),
    (f"gate-report:{_FP}", "string", _a(GateReport), False),
    ("learnt", "hash", _day, False),
    ("begun:.+", "string", _a(DigestRequest), False),
    (f"opinion:{_FP}:{_FP}:{_REF}", "string", _a(Assessment), False),
    (f"asked-of-model:{_WORKSPACE}:{_DAY}", "string", _number, False),
    # transient
    (f"vector:{_MAKER}:{_FP}", "string", _vector, True),  # made anew where it is missing
    (f"found:{_PAPER}", "string", _a(ArxivAnswer), True),
    (r"inquiries:\w*", "hash", _a(Lookup), True),
    (f"task:{_FP}", "string", _a(Task), True),
    (f"task-result:{_FP}", "string", _a(TaskResult), True),
    (f"task-told:{_FP}", "string", _text, True),
    (f"document:{_FP}", "string", _hex, True),
    (r"posts:.+", "list", _object, True),  # of older releases: what a terminal had shown
    (r"due:[a-z]+", "hash", _a(DigestRequest), True),
    (r"tried:[a-z]+", "hash", _a(FailedAttempt), True),
    ("outages", "hash", _a(Outage), True),
    (r"lease:.+:number", "string", _number, True),
    (r"lease:.+:holder", "string", _hex, True),  # of older releases
    (r"lease:.+", "string", _lease, True),
    (r"shares:.+", "string", _number, True),
    (r"taken:\w+", "string", _number, True),
    (r"progress:.+", "string", lambda _, text: parse_int_pair(text.replace("/", " ")), True),
    (r"reservation:.+", "hash", _reservation, True),
    ("reservations", "zset", _text, True),
    (r"overdue:.+", "string", _moment, True),
    (r"event:\w+", "string", _text, True),
    (r"heard:[a-z]+", "set", _text, True),
    (r"pace:.+", "string", _text, True),
    (r"turn:.+", "string", _text, True),
]
_KINDS: Final = [
    (re.compile(f"pb:{pattern}"), KeyKind(re.split(r"[:\\(]", pattern)[0], type, check, passing))
    for pattern, type, check, passing in _ROWS
]
