"""What can be asked and said about one paper: why, all of its abstract, a vote."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bot.arxiv import ids
from bot.arxiv.calendar import new_york_date
from bot.commands.context import Answer, Ask, Desk
from bot.commands.paper_status import standings
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.lookup import Inquiry
from bot.domain.message import Button, Head
from bot.domain.paper_status import Standing, essence
from bot.domain.subscription import Way
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


def why(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`why ID`: what became of a paper for each profile of this channel, and for what reason; the
    ledger's answer at once, and an inquiry where a judge or arXiv has to be asked for more."""
    named = ids.one(" ".join(rest))
    month = ids.month(named.id)
    if month and month > new_york_date(ask.at):
        raise Refused(refusals.to_come(named.id, month))
    return about(ask, desk, named.id, standings(ask, desk, named.id), named.version)


def why_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    """A button carries `DAY ID`; those of a list of missed papers and old messages as well."""
    return why(ask, desk, [value.rpartition(" ")[2]])


def about(
    ask: Ask,
    desk: Desk,
    id: str,
    found: Sequence[Standing],
    version: int | None = None,
    final: bool = False,
) -> Answer:
    """The answer from what is known by now, and an inquiry for the rest, unless it is `final`.

    Raises Refused for an id without a paper, or without that version."""
    if not found:
        raise Refused(refusals.no_profile(ask.alone))
    store, shown = desk.channels.store, desk.inquiries.found(id)
    paper = found[0].paper
    if paper is None and shown:
        near = _near(ask, desk, id)
        raise Refused(why_views.not_shown(shown, id, new_york_date(ask.at), near))
    if paper and version and version > paper.version:
        raise Refused(refusals.no_version(paper.id, version, paper.version))
    withdrawn = bool(shown and shown.withdrawn)
    without = [standing for standing in found if not withdrawn and _lacks(standing, desk)]
    lacking, failed = ((), without) if final else (without, ())
    inquiry = Inquiry(
        paper=id,
        version=version,
        ref=store.put_paper(paper) if paper else "",
        profiles=tuple(dict.fromkeys(store.put_profile(essence(s.profile)) for s in lacking)),
        judge=desk.judge,
        workspace=ask.address.workspace_key,
        purse=_purse(ask),
        since=ask.at,
    )
    head = _head(ask, desk, id, found, waits=bool(lacking), failed=failed)
    may_share = ask.who is None or ask.who.belongs
    if paper and may_share and not ask.alone and ask.address.platform != "terminal":
        button = Button(action="share", label="Share in channel", value=id)
        head = head.model_copy(update={"buttons": (*head.buttons, button)})
    return Answer(head, inquiry=inquiry if lacking else None)


def _purse(ask: Ask) -> str:
    """On Discord people alone with the bot are in no workspace: each has a purse of one's own."""
    place = ask.address
    return f"{place.platform}:person-{ask.by}" if ask.alone and not place.workspace else ""


def _head(
    ask: Ask,
    desk: Desk,
    id: str,
    found: Sequence[Standing],
    waits: bool,
    failed: Sequence[Standing] = (),
) -> Head:
    """With links to the messages that show the paper."""
    shown = desk.inquiries.found(id)
    head = why_views.answer(id, found, new_york_date(ask.at), ask.zone, shown, waits, failed)
    links = [_links(standing, ask) for standing in found]
    if not head.items:
        return head.model_copy(update={"buttons": (*links[0], *head.buttons)})
    pairs = zip(head.items, links, strict=True)
    items = (item.model_copy(update={"buttons": buttons}) for item, buttons in pairs)
    return head.model_copy(update={"items": tuple(items)})


def _links(standing: Standing, ask: Ask) -> tuple[Button, ...]:
    posted = standing.posted
    if posted is None or not posted.message:
        return ()
    url = permalink(standing.address, posted.message, posted.under, ask.site)
    return (Button(action="open", label="Where it was posted", url=url),) if url else ()


def learnt(ask: Ask, desk: Desk, inquiry: Inquiry) -> Answer | None:
    """What an inquiry brought: `update` is the whole answer now, `head` what a follow-up to the
    first one says. None while the workers are at it."""
    if desk.inquiries.waits(inquiry):
        return None
    try:
        found = standings(ask, desk, inquiry.paper)
        whole = about(ask, desk, inquiry.paper, found, inquiry.version, final=True).head
    except Refused as refused:
        head = Head(title=str(refused))
        return Answer(head, update=head)
    if not inquiry.ref:
        return Answer(whole, update=whole)
    failed = [standing for standing in found if _lacks(standing, desk)]
    rest = why_views.closer(inquiry.paper, found, failed)
    return Answer(rest, update=whole)


def shared(ask: Ask, desk: Desk, value: str) -> Answer:
    """The answer as it stands, for the whole channel."""
    found = standings(ask, desk, value)
    if ask.alone or not found or found[0].paper is None:
        raise Refused(refusals.too_old())
    if not desk.inquiries.take_share(ask.address.workspace_key, ask.by, ask.at, _SHARES):
        raise Refused(refusals.too_many_shares(_SHARES))
    head = _head(ask, desk, value, found, waits=False)
    title = refusals.asked_about(head.title)
    return Answer(refusals.shared(), shared=head.model_copy(update={"by": ask.by, "title": title}))


def missed(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`missed [PROFILE]`: what nearly made it on the last day."""
    history = desk.channels.history(ask.address)
    if not history:
        raise Refused(refusals.no_digest_yet())
    name = rest[0].lower() if rest else history[-1].profile
    last = desk.channels.last(ask.address, name)
    if last is None or len(rest) > 1:
        had = dict.fromkeys(delivery.profile for delivery in reversed(history))
        raise Refused(refusals.not_here(" ".join(rest), had))
    digest = desk.channels.given(ask.address, last.day)
    if digest is None:
        raise Refused(refusals.too_old())
    return Answer(why_views.missed(digest, last.day, _MISSED))


def abstract(ask: Ask, desk: Desk, value: str) -> Answer:
    return Answer(why_views.whole_abstract(_meant(ask, desk, value)[2].paper))


def voted_up(ask: Ask, desk: Desk, value: str) -> Answer:
    return _voted(ask, desk, value, Way.UP)


def voted_down(ask: Ask, desk: Desk, value: str) -> Answer:
    return _voted(ask, desk, value, Way.DOWN)


def _voted(ask: Ask, desk: Desk, value: str, way: Way) -> Answer:
    day, digest, decision = _meant(ask, desk, value)
    desk.subscriptions.vote(ask.address, decision.paper.id, ask.by, way)
    votes = desk.subscriptions.votes(ask.address, decision.paper.id)
    also = desk.channels.also(ask.address, decision.paper.id)
    rank = digest.picked.index(decision) + 1
    return Answer(update=digest_views.card(digest, rank, decision, day, votes, also))


def _meant(ask: Ask, desk: Desk, value: str) -> tuple[str, Digest, Decision]:
    """A card's button carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = desk.channels.given(ask.address, day)
    if digest is not None:
        for decision in digest.decisions:
            if decision.paper.id == id and decision.outcome is Outcome.PICKED:
                return day, digest, decision
    raise Refused(refusals.too_old())


def _lacks(standing: Standing, desk: Desk) -> bool:
    """Whether a judge has to be asked: a model about every paper, the local one for a score."""
    if standing.paper is None:
        return True
    if standing.opinion is not None:
        return False
    scored = standing.decision is not None and standing.decision.score is not None
    return desk.judge.model is not None or not scored


def _near(ask: Ask, desk: Desk, id: str) -> str:
    """A paper of this channel's last days whose id is nearly this one."""
    known = set[str]()
    for delivery in desk.channels.history(ask.address)[-_NEAR_DAYS:]:
        if digest := desk.channels.given(ask.address, delivery.day):
            known |= {decision.paper.id for decision in digest.decisions}
    found = difflib.get_close_matches(id, sorted(known), 1, cutoff=0.89)
    return found[0] if found else ""
