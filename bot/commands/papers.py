"""Commands and buttons about one paper: why, share, abstract, votes, missed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.arxiv import ids
from bot.arxiv.calendar import new_york_date
from bot.commands import paper_status
from bot.commands.context import Answer, Context, Invocation
from bot.domain.channel_view import own_pair
from bot.domain.digest import Decision, Digest
from bot.domain.judge import Examples
from bot.domain.lookup import Lookup
from bot.domain.message import Message
from bot.domain.paper_status import CloserLook, PaperReport, judging_criteria
from bot.domain.readers.showing import judge_mark
from bot.domain.readers.teaching import Judged, Lesson
from bot.domain.subscription import Vote
from bot.errors import Refused
from bot.store.papers import paper_ref
from bot.views import card as card_views
from bot.views import digest as digest_views
from bot.views import refusals
from bot.views import why as why_views
from bot.views.keeping.bibtex import bibtex_text
from bot.views.learning import teaching as teaching_views
from bot.views.looking.near_misses import near_misses, posted_by_hand

# Papers that a list of near misses shows of each kind.
_MISSED = 4
# Shares of one person in an hour: each is a message that a whole channel reads.
_SHARES = 10


def why(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`why ID`: what became of a paper for each profile of this channel, and for what reason: what
    is known at once, and a lookup where a judge or arXiv has to be asked for more."""
    named = ids.parse_one(" ".join(words))
    month = ids.month(named.id)
    if month and month > new_york_date(invocation.at):
        raise Refused(refusals.to_come(named.id, month))
    report = paper_status.paper_report(invocation, context, named.id, named.version)
    return report_answer(invocation, context, report)


def why_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button carries `DAY ID`."""
    return why(invocation, context, [value.rpartition(" ")[2]])


def report_answer(invocation: Invocation, context: Context, report: PaperReport) -> Answer:
    """A report as an answer, with a lookup for what is missing.

    Raises Refused for an id without a paper, or without that version."""
    if refusal := why_views.refusal(report):
        raise Refused(refusal)
    head = why_views.answer(report)
    return Answer(head, lookup=_lookup(invocation, context, report) if report.is_waiting else None)


def _lookup(invocation: Invocation, context: Context, report: PaperReport) -> Lookup:
    """The question for the workers, who find the texts it names in the store."""
    store, place = context.store, invocation.address
    criteria = [store.profiles.put(judging_criteria(s.profile)) for s in report.unjudged]
    # On Discord a private conversation is in no workspace: each person's questions count apart.
    personal = invocation.is_private and not place.workspace
    return Lookup(
        paper=report.id,
        version=report.version,
        ref=store.papers.put(report.paper) if report.paper else "",
        profiles=tuple(dict.fromkeys(criteria)),
        judge=context.judge,
        shown=tuple(_shown(report, context).items()),
        workspace=place.workspace_key,
        purse=f"{place.platform}:person-{invocation.by}" if personal else "",
        since=invocation.at,
    )


def _shown(report: PaperReport, context: Context) -> dict[str, Examples]:
    """What the judge is shown for each profile (a fingerprint) that is asked about."""
    judges = {
        judging_criteria(status.profile).fingerprint: paper_status.judge_of(status, context)
        for status in reversed(report.unjudged)
    }
    return {name: judge.examples for name, judge in judges.items() if judge.examples}


def lookup_result(invocation: Invocation, context: Context, lookup: Lookup) -> Answer | None:
    """What a lookup found: `update` is the whole answer by now, `head` a follow-up to the first.
    None while the workers are at it."""
    if context.lookups.is_waiting(lookup):
        return None
    try:
        report = paper_status.paper_report(
            invocation, context, lookup.paper, lookup.version, CloserLook.OVER
        )
        answer = report_answer(invocation, context, report).head
    except Refused as refused:
        head = Message(title=str(refused))
        return Answer(head, update=head)
    return Answer(why_views.follow_up(report) if lookup.ref else answer, update=answer)


def share(invocation: Invocation, context: Context, value: str) -> Answer:
    """The answer as it is now, for the whole channel."""
    report = paper_status.paper_report(
        invocation, context, value, closer_look=CloserLook.NOT_WANTED
    )
    if invocation.is_private or report.paper is None:
        raise Refused(refusals.digest_expired())
    if not context.lookups.take_share(
        invocation.address.workspace_key, invocation.by, invocation.at, _SHARES
    ):
        raise Refused(refusals.too_many_shares(_SHARES))
    return Answer(refusals.shared(), shared=why_views.shared_answer(report, invocation.by))


def missed(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`missed [PROFILE]`: the near misses of the last day."""
    history = context.store.history.of(invocation.address)
    if not history:
        raise Refused(refusals.no_digest_yet())
    name = words[0].lower() if words else history[-1].profile
    last = context.store.history.last(invocation.address, name)
    if last is None or len(words) > 1:
        profiles = dict.fromkeys(delivery.profile for delivery in reversed(history))
        raise Refused(refusals.unknown_profile_here(" ".join(words), profiles))
    digest = context.store.history.digest_given_to(invocation.address, last.day)
    if digest is None:
        raise Refused(refusals.digest_expired())
    return Answer(near_misses(digest, last.day, _MISSED))


def missed_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button carries the day."""
    digest = _pressed_digest(invocation, context, value)
    return Answer(near_misses(digest, value, _MISSED))


def post_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """One paper that nearly made it, for the whole channel; the button carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = _pressed_digest(invocation, context, day)
    decision = digest.decision_for(id)
    if decision is None or decision.outcome not in digest_views.NEAR:
        raise Refused(refusals.digest_expired())
    if not context.lookups.take_share(
        invocation.address.workspace_key, invocation.by, invocation.at, _SHARES
    ):
        raise Refused(refusals.too_many_shares(_SHARES))
    shared = posted_by_hand(digest, decision, invocation.by)
    return Answer(refusals.shared(), shared=shared)


def details(invocation: Invocation, context: Context, value: str) -> Answer:
    """How a digest came about; the button carries its day."""
    return Answer(digest_views.details_text(_pressed_digest(invocation, context, value)))


def abstract(invocation: Invocation, context: Context, value: str) -> Answer:
    return Answer(card_views.whole_abstract(_pressed_paper(invocation, context, value)[2].paper))


def bibtex(invocation: Invocation, context: Context, value: str) -> Answer:
    return Answer(bibtex_text(_pressed_paper(invocation, context, value)[2].paper))


def menu(invocation: Invocation, context: Context, value: str) -> Answer:
    """A card's menu, where the platform has none that opens in place."""
    day, _, decision = _pressed_paper(invocation, context, value)
    return Answer(card_views.menu_text(decision, day))


def voted_up(invocation: Invocation, context: Context, value: str) -> Answer:
    return _voted(invocation, context, value, Vote.UP)


def voted_down(invocation: Invocation, context: Context, value: str) -> Answer:
    return _voted(invocation, context, value, Vote.DOWN)


def _voted(invocation: Invocation, context: Context, value: str, vote: Vote) -> Answer:
    day, digest, decision = _pressed_paper(invocation, context, value)
    stands = _cast(invocation, context, digest, decision, vote)
    state = context.store.cards.state(invocation.address, decision.paper.id)
    number = digest.number_of(decision)
    asks = teaching_views.why_not(value) if stands and vote is Vote.DOWN else None
    return Answer(asks, update=card_views.card(digest, number, decision, day, state))


def missed_voted_up(invocation: Invocation, context: Context, value: str) -> Answer:
    """A paper that was not posted here, below the answer to `/why`."""
    day, _, id = value.partition(" ")
    digest = _pressed_digest(invocation, context, day)
    decision = digest.decision_for(id)
    if decision is None:
        raise Refused(refusals.digest_expired())
    stands = _cast(invocation, context, digest, decision, Vote.UP)
    use = context.store.vote_uses.of(invocation.address.workspace_key, digest.profile.name)
    return Answer(teaching_views.missed_vote(digest.profile, stands, use))


def _cast(
    invocation: Invocation, context: Context, digest: Digest, decision: Decision, vote: Vote
) -> bool:
    """Returns whether the vote stands now, or was taken back."""
    ref = paper_ref(decision.paper)
    context.store.papers.extend([ref])  # a vote teaches for longer than its day is kept
    lesson = Lesson(
        profile=digest.profile.name,
        channel=str(invocation.address),
        paper=decision.paper.id,
        ref=ref,
        title=decision.paper.title,
        by=invocation.by,
        vote=vote,
        at=invocation.at,
        judged=_judged(digest, decision),
    )
    return context.store.votes.cast(invocation.address, lesson)


def _judged(digest: Digest, decision: Decision) -> Judged | None:
    """What the digest's model had said of the paper; None where the local ranking scored it."""
    if decision.score is None or digest.judge.model is None:
        return None
    mark = judge_mark(digest.profile, digest.judge.model)
    return Judged(relevance=own_pair(decision)[0], by=mark)


def _pressed_paper(
    invocation: Invocation, context: Context, value: str
) -> tuple[str, Digest, Decision]:
    """The day, digest and decision of a card's button, which carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = _pressed_digest(invocation, context, day)
    for decision in digest.posted:
        if decision.paper.id == id:
            return day, digest, decision
    raise Refused(refusals.digest_expired())


def _pressed_digest(invocation: Invocation, context: Context, day: str) -> Digest:
    """The digest that a button names, as this channel got it."""
    digest = context.store.history.digest_given_to(invocation.address, day)
    if digest is None:
        raise Refused(refusals.digest_expired())
    return digest
