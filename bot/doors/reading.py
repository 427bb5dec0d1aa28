"""What one person may read by now, gathered from the store for a program of theirs.

A channel counts where its digests are subscribed and the person is in it: the rule of
`/digest search`. What is anyone else's is answered as what does not exist: with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.arxiv import ids
from bot.commands.context import HOME, Context, Invocation
from bot.commands.paper_status import paper_report
from bot.commands.permissions import Person
from bot.commands.search import papers_found
from bot.domain.paper_status import CloserLook, Stage
from bot.domain.request import Address
from bot.domain.tasks.search import Search, SearchResult
from bot.domain.tasks.task import Task
from bot.doors.questions import AboutPaper, DigestsAsked, DigestWanted, PapersAsked
from bot.exported import exporting
from bot.exported.shapes import DigestRows, FoundPapers, GivenDigest, WhyShape


@dataclass(frozen=True)
class Reader:
    """Whose program asks: a person (`by`) of a workspace, as the platform says now. `site` is the
    workspace's web address."""

    platform: str
    workspace: str
    by: str
    person: Person
    site: str = ""

    def asking(self, at: datetime) -> Invocation:
        """As if asked in a private conversation: nobody else reads along."""
        place = Address(platform=self.platform, workspace=self.workspace, channel=HOME)
        return Invocation("", place, at, self.by, "UTC", True, self.site, self.person)


def channels(context: Context, reader: Reader, named: str | None = None) -> list[Address]:
    """Those that the person may read; or the one that is named, if they may."""
    all_here = context.store.subscriptions.of_workspace(reader.platform, reader.workspace)
    mine = (each.address for each in all_here if each.address.channel in reader.person.channels)
    return [each for each in dict.fromkeys(mine) if named in (None, each.channel)]


def digests(context: Context, reader: Reader, asked: DigestsAsked) -> DigestRows:
    """Digests of the person's channels, the latest first."""
    given = context.store.history.of_many(channels(context, reader, asked.channel))
    found = [
        (place, delivery)
        for place, deliveries in given.items()
        for delivery in deliveries
        if asked.is_about(delivery)
    ]
    found.sort(key=lambda pair: (pair[1].at, pair[0].channel, pair[1].day), reverse=True)
    page = found[asked.offset : asked.offset + asked.limit]
    return DigestRows(
        digests=tuple(exporting.digest_row(*pair, reader.site) for pair in page),
        total=len(found),
        next_offset=exporting.next_offset(len(found), asked.offset, asked.limit),
    )


def digest(
    context: Context, reader: Reader, channel: str, day: str, asked: PapersAsked
) -> GivenDigest | None:
    """A digest with its papers; None where the person has no such one."""
    place = next(iter(channels(context, reader, channel)), None)
    delivery = context.store.history.delivery(place, day) if place else None
    found = context.store.history.digest_given_to(place, day) if place and delivery else None
    if place is None or delivery is None or found is None:
        return None
    wanted = [
        decision
        for decision in (found.posted if asked.posted else found.decisions)
        if asked.outcome in (None, decision.outcome)
    ]
    page = asked.offset, asked.limit
    return exporting.given_digest(found, wanted, place, delivery, reader.site, *page)


def latest(context: Context, reader: Reader, wanted: DigestWanted) -> GivenDigest | None:
    """The latest digest that is meant, with the papers that were posted; None for none."""
    named = wanted.model_dump(include={"channel", "profile"})
    asked = DigestsAsked(**named, since=wanted.date, until=wanted.date, limit=1)
    papers = PapersAsked(posted=True, limit=wanted.limit, offset=wanted.offset)
    rows = digests(context, reader, asked).digests
    return digest(context, reader, rows[0].channel, rows[0].day, papers) if rows else None


def why(context: Context, reader: Reader, asked: AboutPaper, at: datetime) -> WhyShape | None:
    """What became of a paper; None where nothing is known of it. No model and no server is asked.

    Raises Refused for what is no arXiv id."""
    named, mine = ids.parse_one(asked.id), channels(context, reader, asked.channel)
    invocation, look = reader.asking(at), CloserLook.NOT_WANTED
    report = paper_report(
        invocation, context, named.id, named.version, look, channels=mine
    )  # of a version to come nothing is known, either
    kept = tuple(
        status
        for status in report.statuses
        if status.stage is not Stage.UNSEEN and asked.profile in (None, status.profile.name)
    )
    paper = kept[0].paper if kept else None
    if paper is None or (named.version or 0) > paper.version:
        return None
    return exporting.why_shape(report.model_copy(update={"statuses": kept}), paper)


def search_task(context: Context, reader: Reader, words: str, at: datetime) -> Task:
    """The question to the workers: which papers of the person's channels are about this."""
    asked = Search(title=words, places=tuple(channels(context, reader)))
    workspace = f"{reader.platform}:{reader.workspace}"
    return Task(search=asked, workspace=workspace, by=reader.by, since=at)


def found(
    context: Context, reader: Reader, words: str, at: datetime, result: SearchResult
) -> FoundPapers:
    """What came of it, as far as the person may read it by now."""
    papers = papers_found(reader.asking(at), context, result)
    return exporting.found_shape(words, result, papers)
