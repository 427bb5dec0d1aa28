"""Papers that somebody looks for: `/digest search`, and more like one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from bot.arxiv.calendar import new_york_date
from bot.arxiv.text import one_line
from bot.commands.context import SHOWN_ONCE, Answer, Context, Invocation
from bot.commands.paper_status import posted
from bot.commands.permissions import Right, require_right
from bot.domain.request import Address
from bot.domain.tasks.search import LIKE_DAYS, LONGEST, Hit, Search, SearchResult
from bot.domain.tasks.task import Task
from bot.errors import Refused
from bot.views import refusals
from bot.views.looking import search as views
from bot.views.permalinks import permalink


def search(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`search WORDS`: among all papers that digests of this channel, and of this person's others
    in the workspace, decided on."""
    text = one_line(" ".join(words)).strip(" \"'“”„«»")
    if not any(map(str.isalnum, text)):
        raise Refused(views.name_words())
    if len(text) > LONGEST:
        raise Refused(views.too_many_words())
    return _asked(invocation, Search(title=text, places=_places(invocation, context)))


def like_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """More like a paper of a digest; the button carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = context.store.history.digest_given_to(invocation.address, day)
    decision = digest.decision_for(id) if digest else None
    if decision is None:
        raise Refused(refusals.digest_expired())
    paper, since = decision.paper, invocation.at.date() - timedelta(days=LIKE_DAYS)
    places = _places(invocation, context)
    like = Search(title=paper.title, text=paper.abstract, like=paper.id, places=places, since=since)
    return _asked(invocation, like)


def found(invocation: Invocation, context: Context, asked: Search, result: SearchResult) -> Answer:
    """What a search brought, as far as the person may read it by now. Raises Refused."""
    papers, today = papers_found(invocation, context, result), new_york_date(invocation.at)
    return Answer(views.found(asked, result, papers, today))


def papers_found(
    invocation: Invocation, context: Context, result: SearchResult
) -> list[views.FoundPaper]:
    """The papers of a result that the person may read by now. Raises Refused."""
    mine = result
    if invocation.address.platform != "terminal":
        require_right(invocation.person, Right.USE, "", admins_only=False)
        mine = result.model_copy(update={"hits": tuple(_readable(invocation, result))})
    return list(_papers(invocation, context, mine))


def _asked(invocation: Invocation, asked: Search) -> Answer:
    task = Task(
        search=asked,
        workspace=invocation.address.workspace_key,
        by=invocation.by,
        since=invocation.at,
    )
    return Answer(views.looking(asked, 0, 0), task=task)


def _places(invocation: Invocation, context: Context) -> tuple[Address, ...]:
    """The channel that asks, and the subscribed ones of its workspace that this person is a member
    of. Raises Refused where the memberships are unknown."""
    place = invocation.address
    if place.platform == "terminal":
        return place, SHOWN_ONCE
    if invocation.person is None:
        raise Refused(refusals.identity_unknown())
    subscribed = context.store.subscriptions.of_workspace(place.platform, place.workspace)
    own = [s.address for s in subscribed if s.address.channel in invocation.person.channels]
    return tuple(dict.fromkeys([place, *own]))


def _readable(invocation: Invocation, result: SearchResult) -> Iterator[Hit]:
    """The hits of the channel that asked, and of those that the person is still in."""
    mine = invocation.person.channels if invocation.person else ()
    for hit in result.hits:
        if hit.place == invocation.address or hit.place.channel in mine:
            yield hit


def _papers(
    invocation: Invocation, context: Context, result: SearchResult
) -> Iterator[views.FoundPaper]:
    """The hits that can still be read, as their digests are now."""
    for hit in result.hits:
        delivery = context.store.history.delivery(hit.place, hit.day)
        digest = context.store.history.digest_given_to(hit.place, hit.day)
        decision = digest.decision_for(hit.paper) if digest else None
        if delivery is None or digest is None or decision is None:
            continue
        shown, url = posted(context, hit.place, delivery, digest, decision), ""
        if shown and shown.message:
            url = permalink(hit.place, shown.message, shown.thread_id, invocation.site)
        channel = "" if hit.place == invocation.address else hit.place.channel
        if hit.place.platform == "terminal":
            channel = ""
        yield views.FoundPaper(digest, decision, channel, url, hit.day)
