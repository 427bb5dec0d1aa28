"""Commands and buttons about papers that people keep: save, list, share, claim, export; and the
best of a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.commands import paper_status, zotero
from bot.commands.context import HOME, Answer, Context, Counting, Invocation
from bot.commands.naming import number_in, page_number
from bot.commands.permissions import Right
from bot.domain.message import Message
from bot.domain.paper_status import CloserLook
from bot.domain.papers import Paper
from bot.domain.readers.best import Best, Discussion, Liked, most_kept, most_liked
from bot.domain.readers.saved import MOST_SAVED, Reading, SavedPaper
from bot.domain.request import Address
from bot.errors import Refused
from bot.store.papers import paper_ref
from bot.views import refusals
from bot.views.keeping import best as best_views
from bot.views.keeping import citations
from bot.views.keeping import saved as views

# Days that the best is of, where none are named, and at most.
_BEST_OF, _MOST_DAYS = 7, 365


def saved(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`saved [PAGE]`, `saved shared [PAGE]`, `saved export`, `saved bibtex|ris|csl`,
    `saved zotero [key|off]`."""
    _require_chat(invocation)
    what = words[0].lower() if words else ""
    if what in views.FORMATS and len(words) == 1:
        return _exported(invocation, context, what)
    if what == "zotero":
        return zotero.typed(invocation, context, words[1:])
    if what == "export" and len(words) == 1:
        return Answer(views.which_format())
    page = page_number(words[1:] if what == "shared" else words)
    if page is None:
        raise Refused(views.unknown_words(" ".join(words)))
    if what == "shared":
        channel = _channel(invocation)
        rows = context.store.saved.shared_with(channel, invocation.at)
        return Answer(views.shared_papers(rows, page, invocation.by))
    channel = "" if _is_alone(invocation) else str(invocation.address)
    mine = _mine(invocation, context)
    return Answer(views.my_papers(mine, page, channel, invocation.zone, invocation.at))


def save_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Saves a paper, or no longer; a button carries `DAY ID`, or `ID` alone."""
    _require_chat(invocation)
    store, place = context.store, invocation.address.workspace_key
    day, _, id = value.rpartition(" ")
    if store.saved.one(place, invocation.by, id):
        return unsave_pressed(invocation, context, id)
    paper = _paper(invocation, context, day, id)
    refs = _refs_with_room(invocation, context)
    new = SavedPaper(
        paper=paper.id,
        ref=paper_ref(paper),
        title=paper.title,
        by=invocation.by,
        at=invocation.at,
    )
    store.papers.put(paper)
    store.papers.extend(refs)
    _, after = store.saved.change(place, invocation.by, id, lambda before: before or new)
    return Answer(views.saved_text(after or new, not _is_alone(invocation)))


def unsave_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Where it isn't saved, nothing changes."""
    place = invocation.address.workspace_key
    before, _ = context.store.saved.change(place, invocation.by, value, lambda _: None)
    if before is None:
        raise Refused(views.not_saved())
    return Answer(views.unsaved_text(before))


def share_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    channel = _channel(invocation)
    return Answer(
        views.shared_text(
            _changed(invocation, context, value, lambda saved: saved.shared_with(channel))
        )
    )


def unshare_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    channel = _channel(invocation)
    return Answer(
        views.unshared_text(
            _changed(invocation, context, value, lambda saved: saved.kept_from(channel))
        )
    )


def state_pressed(state: Reading) -> Callable[[Invocation, Context, str], Answer]:
    """A button that says how far somebody is with a paper. It carries `ID`, or `ID here` in a
    channel's shared list: who says it there shares the paper, too, and saves it before."""

    def press(invocation: Invocation, context: Context, value: str) -> Answer:
        id, _, here = value.partition(" ")
        if here:
            saved = _claimed(invocation, context, id, state)
        else:
            saved = _changed(invocation, context, id, lambda own: _in_state(own, state))
        return Answer(views.state_text(saved, str(invocation.address) in saved.shared))

    return press


def best(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`best [DAYS]`: of this channel, by what was voted, shared and discussed in these days. `best
    fridays`, `best off`: whether the channel is told every week."""
    place = invocation.address
    if not invocation.by or _is_alone(invocation):
        raise Refused(best_views.only_in_channel())
    if [word.lower() for word in words] in (["fridays"], ["off"]):
        context.authorise(invocation, Right.CHANGE)
        return weekly_pressed(invocation, context, words[0].lower())
    days = _days(words)
    found = _best(context, place, invocation.at, days)
    is_weekly = str(place) in context.store.subscriptions.with_weekly_best()

    def show(discussion: Discussion) -> Answer:
        whole = _with_discussion(found, discussion)
        return Answer(best_views.best_text(whole, days, is_weekly, discussion.unread))

    return Answer(counting=Counting(invocation.at - timedelta(days=days), show))


def weekly_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button that carries `fridays` or `off`; everyone in the channel is told."""
    if _is_alone(invocation):
        raise Refused(best_views.only_in_channel())
    is_wanted = value == "fridays"
    context.store.subscriptions.put_weekly_best(invocation.address, is_wanted)
    has_clock = bool(context.store.subscriptions.of(invocation.address))
    return Answer(
        best_views.weekly_text(is_wanted, has_clock),
        announcement=best_views.weekly_changed(is_wanted, invocation.by),
    )


def week_before(now: datetime) -> datetime:
    """Since when what is told on Friday is counted."""
    return now - timedelta(days=_BEST_OF)


def best_of_week(
    context: Context, address: Address, now: datetime, discussion: Discussion
) -> Message | None:
    """What a channel is told on Friday; None where there is nothing to tell."""
    found = _with_discussion(_best(context, address, now, _BEST_OF), discussion)
    return best_views.best_of_week(found) if any(found) else None


def _best(context: Context, place: Address, now: datetime, days: int) -> Best:
    store, since = context.store, now - timedelta(days=days)
    profiles = {delivery.profile for delivery in store.history.of(place)}
    lessons = [
        lesson
        for name in sorted(profiles)
        for lesson in store.votes.lessons(place.workspace_key, name)
        if lesson.channel == str(place) and lesson.at >= since
    ]
    shared = store.saved.shared_with(str(place), now)
    posted, missed = list[Liked](), list[Liked]()
    for paper in most_liked(lessons):
        was_shown = store.shown_papers.day_that_brought(place, paper.paper) is not None
        (posted if was_shown else missed).append(paper)
    return Best(posted, most_kept(row for row in shared if row.at >= since), missed, [], [])


def _with_discussion(best: Best, discussion: Discussion) -> Best:
    return best._replace(papers=discussion.papers, digests=discussion.digests)


def _claimed(invocation: Invocation, context: Context, id: str, state: Reading) -> SavedPaper:
    """Raises Refused where nobody shares the paper any more."""
    store, channel = context.store, _channel(invocation)
    rows = store.saved.shared_with(channel, invocation.at)
    theirs = next((row for row in rows if row.paper == id), None)
    if theirs is None:
        raise Refused(views.no_longer_shared())
    place = invocation.address.workspace_key
    if store.saved.one(place, invocation.by, id) is None:
        store.papers.extend([theirs.ref, *_refs_with_room(invocation, context)])
    new = theirs.model_copy(
        update={"by": invocation.by, "at": invocation.at, "shared": (), "state": Reading.OPEN}
    )

    def claimed(before: SavedPaper | None) -> SavedPaper:
        return _in_state(before or new, state).shared_with(channel)

    _, after = store.saved.change(place, invocation.by, id, claimed)
    return after or claimed(None)


def _changed(
    invocation: Invocation, context: Context, id: str, change: Callable[[SavedPaper], SavedPaper]
) -> SavedPaper:
    """Change a saved paper. Raises Refused where it isn't saved any more."""
    _, after = context.store.saved.change(
        invocation.address.workspace_key,
        invocation.by,
        id,
        lambda saved: change(saved) if saved else None,
    )
    if after is None:
        raise Refused(views.not_saved())
    # The list lives longer from now on, and so do the texts it names.
    context.store.papers.extend([each.ref for each in _mine(invocation, context)])
    return after


def _in_state(saved: SavedPaper, state: Reading) -> SavedPaper:
    return saved.model_copy(update={"state": state})


def _paper(invocation: Invocation, context: Context, day: str, id: str) -> Paper:
    """The paper of a card, or of an answer to `/why`. Raises Refused where it is gone."""
    digest = context.store.history.digest_given_to(invocation.address, day) if day else None
    decision = digest.decision_for(id) if digest else None
    if decision:
        return decision.paper
    report = paper_status.paper_report(invocation, context, id, closer_look=CloserLook.NOT_WANTED)
    if report.paper is None:
        raise Refused(refusals.digest_expired())
    return report.paper


def _refs_with_room(invocation: Invocation, context: Context) -> list[str]:
    """The texts of a person's saved papers, which live as long as these. Raises Refused where
    there can't be another."""
    mine = _mine(invocation, context)
    if len(mine) >= MOST_SAVED:
        raise Refused(views.too_many_saved())
    return [each.ref for each in mine]


def _exported(invocation: Invocation, context: Context, format: str) -> Answer:
    mine = _mine(invocation, context)
    if not mine:
        raise Refused(views.nothing_to_export())
    texts = context.store.papers.by_ref([each.ref for each in mine])
    papers = [texts[each.ref] for each in mine if each.ref in texts]
    head = views.exported_text(format, len(papers), len(mine) - len(papers))
    return Answer(head, file=citations.as_file(format, papers) if papers else None)


def _mine(invocation: Invocation, context: Context) -> list[SavedPaper]:
    return context.store.saved.of(invocation.address.workspace_key, invocation.by)


def _days(words: Sequence[str]) -> int:
    """`30`, or `30 days`; a week without words. Raises Refused."""
    if not words:
        return _BEST_OF
    number = words[0] if [word.lower() for word in words[1:]] in ([], ["days"], ["day"]) else ""
    days = number_in(number) or 0
    if not 1 <= days <= _MOST_DAYS:
        raise Refused(best_views.unknown_days(" ".join(words), _MOST_DAYS))
    return days


def _channel(invocation: Invocation) -> str:
    """Raises Refused where there is no channel to share with."""
    _require_chat(invocation)
    if _is_alone(invocation):
        raise Refused(views.only_in_channel())
    return str(invocation.address)


def _is_alone(invocation: Invocation) -> bool:
    return invocation.is_private or invocation.address.channel == HOME


def _require_chat(invocation: Invocation) -> None:
    """A terminal has no people. Raises Refused."""
    if not invocation.by:
        raise Refused(views.not_in_terminal())
