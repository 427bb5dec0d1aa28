"""What can be asked and said about one paper: why, all of its abstract, a vote."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bot.arxiv import ids
from bot.arxiv.calendar import new_york_date
from bot.commands.context import Answer, Context, Invocation
from bot.commands.paper_status import paper_statuses
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.lookup import Lookup
from bot.domain.message import Button, Message
from bot.domain.paper_status import PaperStatus, judging_criteria
from bot.domain.subscription import Vote
from bot.errors import Refused
from bot.views import digest as digest_views
from bot.views import refusals
from bot.views import why as why_views
from bot.views.permalinks import permalink

# Days in which a mistyped id is looked for.
_NEAR_DAYS = 5
_MISSED = 5
# Of one person in an hour: each is a message that a whole channel reads.
_SHARES = 10


def why(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    """`why ID`: what became of a paper for each profile of this channel, and for what reason; the
    ledger's answer at once, and an inquiry where a judge or arXiv has to be asked for more."""
    named = ids.parse_one(" ".join(rest))
    month = ids.month(named.id)
    if month and month > new_york_date(invocation.at):
        raise Refused(refusals.to_come(named.id, month))
    return status_answer(
        invocation, context, named.id, paper_statuses(invocation, context, named.id), named.version
    )


def why_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button carries `DAY ID`; those of a list of missed papers and old messages as well."""
    return why(invocation, context, [value.rpartition(" ")[2]])


def status_answer(
    invocation: Invocation,
    context: Context,
    id: str,
    found: Sequence[PaperStatus],
    version: int | None = None,
    final: bool = False,
) -> Answer:
    """The answer from what is known by now, and an inquiry for the rest, unless it is `final`.

    Raises Refused for an id without a paper, or without that version."""
    if not found:
        raise Refused(refusals.no_profile(invocation.is_private))
    store, shown = context.channels.store, context.lookups.arxiv_answer(id)
    paper = found[0].paper
    if paper is None and shown:
        near = _near(invocation, context, id)
        raise Refused(why_views.no_paper(shown, id, new_york_date(invocation.at), near))
    if paper and version and version > paper.version:
        raise Refused(refusals.no_version(paper.id, version, paper.version))
    withdrawn = bool(shown and shown.withdrawn)
    without = [status for status in found if not withdrawn and _needs_judging(status, context)]
    lacking, failed = ((), without) if final else (without, ())
    lookup = Lookup(
        paper=id,
        version=version,
        ref=store.put_paper(paper) if paper else "",
        profiles=tuple(
            dict.fromkeys(store.put_profile(judging_criteria(s.profile)) for s in lacking)
        ),
        judge=context.judge,
        workspace=invocation.address.workspace_key,
        purse=_purse(invocation),
        since=invocation.at,
    )
    head = _head(invocation, context, id, found, waits=bool(lacking), failed=failed)
    may_share = invocation.person is None or invocation.person.may_use
    if (
        paper
        and may_share
        and not invocation.is_private
        and invocation.address.platform != "terminal"
    ):
        button = Button(action="share", label="Share in channel", value=id)
        head = head.model_copy(update={"buttons": (*head.buttons, button)})
    return Answer(head, lookup=lookup if lacking else None)


def _purse(invocation: Invocation) -> str:
    """On Discord people alone with the bot are in no workspace: each has a purse of one's own."""
    place = invocation.address
    return (
        f"{place.platform}:person-{invocation.by}"
        if invocation.is_private and not place.workspace
        else ""
    )


def _head(
    invocation: Invocation,
    context: Context,
    id: str,
    found: Sequence[PaperStatus],
    waits: bool,
    failed: Sequence[PaperStatus] = (),
) -> Message:
    """With links to the messages that show the paper."""
    shown = context.lookups.arxiv_answer(id)
    head = why_views.answer(
        id, found, new_york_date(invocation.at), invocation.zone, shown, waits, failed
    )
    links = [_links(status, invocation) for status in found]
    if not head.items:
        return head.model_copy(update={"buttons": (*links[0], *head.buttons)})
    pairs = zip(head.items, links, strict=True)
    items = (item.model_copy(update={"buttons": buttons}) for item, buttons in pairs)
    return head.model_copy(update={"items": tuple(items)})


def _links(status: PaperStatus, invocation: Invocation) -> tuple[Button, ...]:
    posted = status.posted
    if posted is None or not posted.message:
        return ()
    url = permalink(status.address, posted.message, posted.thread_id, invocation.site)
    return (Button(action="open", label="Where it was posted", url=url),) if url else ()


def lookup_result(invocation: Invocation, context: Context, lookup: Lookup) -> Answer | None:
    """What an inquiry brought: `update` is the whole answer now, `head` what a follow-up to the
    first one says. None while the workers are at it."""
    if context.lookups.is_waiting(lookup):
        return None
    try:
        found = paper_statuses(invocation, context, lookup.paper)
        whole = status_answer(
            invocation, context, lookup.paper, found, lookup.version, final=True
        ).head
    except Refused as refused:
        head = Message(title=str(refused))
        return Answer(head, update=head)
    if not lookup.ref:
        return Answer(whole, update=whole)
    failed = [status for status in found if _needs_judging(status, context)]
    rest = why_views.follow_up(lookup.paper, found, failed)
    return Answer(rest, update=whole)


def share(invocation: Invocation, context: Context, value: str) -> Answer:
    """The answer as it stands, for the whole channel."""
    found = paper_statuses(invocation, context, value)
    if invocation.is_private or not found or found[0].paper is None:
        raise Refused(refusals.digest_expired())
    if not context.lookups.take_share(
        invocation.address.workspace_key, invocation.by, invocation.at, _SHARES
    ):
        raise Refused(refusals.too_many_shares(_SHARES))
    head = _head(invocation, context, value, found, waits=False)
    title = refusals.asked_about(head.title)
    return Answer(
        refusals.shared(), shared=head.model_copy(update={"by": invocation.by, "title": title})
    )


def missed(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    """`missed [PROFILE]`: what nearly made it on the last day."""
    history = context.channels.history(invocation.address)
    if not history:
        raise Refused(refusals.no_digest_yet())
    name = rest[0].lower() if rest else history[-1].profile
    last = context.channels.last(invocation.address, name)
    if last is None or len(rest) > 1:
        had = dict.fromkeys(delivery.profile for delivery in reversed(history))
        raise Refused(refusals.unknown_profile_here(" ".join(rest), had))
    digest = context.channels.digest_given_to(invocation.address, last.day)
    if digest is None:
        raise Refused(refusals.digest_expired())
    return Answer(why_views.near_misses(digest, last.day, _MISSED))


def abstract(invocation: Invocation, context: Context, value: str) -> Answer:
    return Answer(why_views.whole_abstract(_pressed_paper(invocation, context, value)[2].paper))


def voted_up(invocation: Invocation, context: Context, value: str) -> Answer:
    return _voted(invocation, context, value, Vote.UP)


def voted_down(invocation: Invocation, context: Context, value: str) -> Answer:
    return _voted(invocation, context, value, Vote.DOWN)


def _voted(invocation: Invocation, context: Context, value: str, vote: Vote) -> Answer:
    day, digest, decision = _pressed_paper(invocation, context, value)
    context.subscriptions.vote(invocation.address, decision.paper.id, invocation.by, vote)
    votes = context.subscriptions.votes(invocation.address, decision.paper.id)
    also = context.channels.also(invocation.address, decision.paper.id)
    rank = digest.picked.index(decision) + 1
    return Answer(update=digest_views.card(digest, rank, decision, day, votes, also))


def _pressed_paper(
    invocation: Invocation, context: Context, value: str
) -> tuple[str, Digest, Decision]:
    """A card's button carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = context.channels.digest_given_to(invocation.address, day)
    if digest is not None:
        for decision in digest.decisions:
            if decision.paper.id == id and decision.outcome is Outcome.PICKED:
                return day, digest, decision
    raise Refused(refusals.digest_expired())


def _needs_judging(status: PaperStatus, context: Context) -> bool:
    """Whether a judge has to be asked: a model about every paper, the local one for a score."""
    if status.paper is None:
        return True
    if status.assessment is not None:
        return False
    scored = status.decision is not None and status.decision.score is not None
    return context.judge.model is not None or not scored


def _near(invocation: Invocation, context: Context, id: str) -> str:
    """A paper of this channel's last days whose id is nearly this one."""
    known = set[str]()
    for delivery in context.channels.history(invocation.address)[-_NEAR_DAYS:]:
        if digest := context.channels.digest_given_to(invocation.address, delivery.day):
            known |= {decision.paper.id for decision in digest.decisions}
    found = difflib.get_close_matches(id, sorted(known), 1, cutoff=0.89)
    return found[0] if found else ""
