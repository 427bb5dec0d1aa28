"""Makes those shapes of digests, answers to `/why` and what a search found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest
from bot.domain.paper_status import PaperReport, PaperStatus
from bot.domain.papers import Paper
from bot.domain.request import Address, Delivery
from bot.domain.tasks.search import SearchResult
from bot.exported.shapes import (
    DigestRow,
    DigestShape,
    FoundPapers,
    FoundShape,
    GivenDigest,
    PaperShape,
    ProblemShape,
    UsageShape,
    WhyRow,
    WhyShape,
)
from bot.views import card as card_views
from bot.views import digest as digest_views
from bot.views import reasons
from bot.views.assessments import claims
from bot.views.looking.search import FoundPaper
from bot.views.permalinks import permalink
from bot.views.why import stage_sentence


def digest_shape(digest: Digest, shown: Sequence[Decision] | None = None) -> DigestShape:
    """A digest with all its papers, or with those that are to be `shown`."""
    usage, problem = digest.usage, digest.listed.problem
    return DigestShape(
        profile=digest.profile.name,
        date=digest.date,
        announced=len(digest.decisions),
        replacements=digest.replacements,
        outcomes=digest.counts,
        papers=tuple(_paper(digest, d) for d in (digest.decisions if shown is None else shown)),
        usage=UsageShape(
            model=digest.judge.model,
            calls=usage.calls,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            completion_tokens=usage.completion_tokens,
            cost_usd=usage.cost_usd,
        ),
        judge=digest.judge.kind,
        problem=ProblemShape(reason=problem.trouble, message=reasons.problem_text(problem))
        if problem
        else None,
        notices=tuple(digest_views.notices(digest)),
        ranked_locally=tuple(decision.paper.id for decision in digest.stand_ins),
    )


def _paper(digest: Digest, decision: Decision) -> PaperShape:
    paper, score = decision.paper, decision.score
    return PaperShape(
        id=paper.id,
        version=paper.version,
        title=readable(paper.title),
        authors=paper.authors,
        categories=paper.categories,
        announce_type=decision.announced.announce_type,
        outcome=decision.outcome,
        relevance=score.relevance if score else None,
        novelty=score.novelty if score else None,
        shows=card_views.shows(digest, decision),
        comment=card_views.comment(digest, decision),
        reason=digest_views.outcome_reason(digest, decision),
    )


def given_digest(
    digest: Digest,
    wanted: Sequence[Decision],
    at: Address,
    delivery: Delivery,
    site: str,
    offset: int,
    limit: int,
) -> GivenDigest:
    """A page of a digest as a channel got it, of the papers that are `wanted`."""
    return GivenDigest(
        **dict(digest_shape(digest, wanted[offset : offset + limit])),
        channel=at.channel,
        day=delivery.day,
        url=_head(at, delivery, site),
        total=len(wanted),
        next_offset=next_offset(len(wanted), offset, limit),
    )


def digest_row(at: Address, delivery: Delivery, site: str) -> DigestRow:
    """A digest without its papers."""
    return DigestRow(
        channel=at.channel,
        day=delivery.day,
        profile=delivery.profile,
        date=delivery.date,
        announced=delivery.announced,
        picked=delivery.picked,
        complete=delivery.complete,
        posted_at=delivery.at,
        url=_head(at, delivery, site),
    )


def next_offset(total: int, offset: int, limit: int) -> int | None:
    """Where the next page begins; None after the last."""
    return offset + limit if offset + limit < total else None


def _head(at: Address, delivery: Delivery, site: str) -> str:
    message = delivery.message
    return permalink(at, message, message, site) if message else ""


def why_shape(report: PaperReport, paper: Paper) -> WhyShape:
    """All that is known of a paper, for each profile and channel asked about."""
    arxiv = report.arxiv
    return WhyShape(
        id=paper.id,
        version=paper.version,
        title=readable(paper.title),
        authors=paper.authors,
        categories=paper.categories,
        abstract=readable(paper.abstract),
        withdrawn=one_line(arxiv.withdrawn) if arxiv and arxiv.withdrawn else "",
        profiles=tuple(_why_row(report, status) for status in report.statuses),
    )


def _why_row(report: PaperReport, status: PaperStatus) -> WhyRow:
    digest, decision, posted = status.digest, status.decision, status.posted
    score, url = decision.score if decision else None, ""
    if posted and posted.message:
        url = permalink(status.address, posted.message, posted.thread_id, report.site)
    return WhyRow(
        channel=status.address.channel,
        profile=status.profile.name,
        stage=status.stage,
        verdict=stage_sentence(status, report.today, report.zone),
        date=status.date,
        day=status.day,
        outcome=decision.outcome if decision else None,
        relevance=score.relevance if score else None,
        novelty=score.novelty if score else None,
        shows=card_views.shows(digest, decision) if digest and decision else "",
        comment=card_views.comment(digest, decision) if digest and decision else "",
        claims=claims(status.assessment),
        url=url,
    )


def found_shape(words: str, result: SearchResult, found: Iterable[FoundPaper]) -> FoundPapers:
    """What a search brought."""
    return FoundPapers(
        words=words,
        searched=result.papers,
        since=result.since,
        words_only=result.words_only,
        papers=tuple(map(_found, found)),
    )


def _found(each: FoundPaper) -> FoundShape:
    paper, score = each.decision.paper, each.decision.score
    return FoundShape(
        id=paper.id,
        version=paper.version,
        title=readable(paper.title),
        authors=paper.authors,
        categories=paper.categories,
        channel=each.channel,
        profile=each.digest.profile.name,
        date=each.digest.date,
        day=each.day,
        outcome=each.decision.outcome,
        posted=each.decision in each.digest.posted,
        relevance=score.relevance if score else None,
        novelty=score.novelty if score else None,
        url=each.url,
    )
