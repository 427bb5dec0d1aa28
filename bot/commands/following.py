"""Commands and buttons about what a person follows: follow, unfollow, list, "not this one"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.arxiv import ids
from bot.arxiv.authors import followed
from bot.arxiv.calendar import new_york_date
from bot.arxiv.text import one_line
from bot.commands.context import Answer, Context, Invocation
from bot.commands.naming import number_in, page_number, paper_named
from bot.domain.papers import Paper
from bot.domain.readers.following import Evidence, Follow, FollowKind
from bot.errors import Refused
from bot.planning.following import evidence, words
from bot.views import refusals
from bot.views.readers import following as views

# What one person follows in one workspace; papers by somebody else of one name; characters.
_MOST: Final = 50
_MOST_OTHERS: Final = 50
_LONGEST: Final = 80

_KINDS: Final = {
    **dict.fromkeys(("author", "authors", "by"), FollowKind.AUTHOR),
    **dict.fromkeys(("term", "terms", "word", "words"), FollowKind.TERM),
    "paper": FollowKind.PAPER,
}
_QUOTES: Final = "\"'“”„‘’«»″ "


def follow(invocation: Invocation, context: Context, typed: Sequence[str]) -> Answer:
    """`follow author NAME`, `follow term WORDS`, `follow ID`; alone, what I follow."""
    if not typed:
        return follows(invocation, context, typed)
    kind, what = _parsed(typed)
    title = ""
    if kind is FollowKind.PAPER:
        month = ids.month(what)
        if month and month > new_york_date(invocation.at):
            raise Refused(refusals.to_come(what, month))
        paper = paper_named(context, invocation, what)
        title = paper.title if paper else ""
    return _follow(invocation, context, kind, what, title)


def follows(invocation: Invocation, context: Context, typed: Sequence[str]) -> Answer:
    """`follows [PAGE]`: what I follow, with buttons to unfollow."""
    _require_chat(invocation)
    mine, tellings = _mine(invocation, context), context.store.tellings
    unreachable = None
    for place in {each.workspace for each in mine}:
        unreachable = tellings.unreachable(place, invocation.by) or unreachable
        tellings.drop_unreachable(place, invocation.by)
    return Answer(views.followed_list(mine, page_number(typed) or 1, unreachable))


def unfollow(invocation: Invocation, context: Context, typed: Sequence[str]) -> Answer:
    """`unfollow NAME`, a term or an ID, with or without its kind; `unfollow all`."""
    _require_chat(invocation)
    mine = _mine(invocation, context)
    if not typed:
        return Answer(views.followed_list(mine))
    text = " ".join(typed)
    if text.lower() == "several":
        raise Refused(views.one_at_a_time())
    meant = mine if text.lower() == "all" else _named(mine, typed)
    if not meant:
        raise Refused(views.not_followed(text))
    for each in meant:
        context.store.follows.drop(each)
    return Answer(views.unfollowed(meant))


# -- buttons


def whom_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Who may be followed of a paper; the button carries `DAY ID`, or `ID` alone."""
    return Answer(views.whom(_required_paper(context, invocation, value), value))


def author_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """One of a paper's authors; the button carries the same and a number. The paper is theirs."""
    named, _, number = value.rpartition(" ")
    paper = _required_paper(context, invocation, named)
    at = number_in(number)
    if at is None or at >= len(paper.authors):
        raise Refused(views.no_such_paper(paper.id))
    name = paper.authors[at]
    return _follow(invocation, context, FollowKind.AUTHOR, name, theirs=evidence(paper, name))


def paper_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The button carries the same."""
    paper = _required_paper(context, invocation, value)
    return _follow(invocation, context, FollowKind.PAPER, paper.id, paper.title)


def unfollow_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The button carries `WORKSPACE TOKEN`."""
    meant = _pressed(invocation, context, value)
    context.store.follows.drop(meant)
    return Answer(views.unfollowed([meant]))


def not_them_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A paper is by somebody else of the name; the button carries `WORKSPACE TOKEN ID`."""
    meant, id = _pressed(invocation, context, value), value.rpartition(" ")[2]
    told = context.store.tellings.told(meant.workspace, meant.by).get(id)
    ref = told.ref if told else ""
    paper = context.store.papers.by_ref([ref]).get(ref) or _required_paper(context, invocation, id)
    found = evidence(paper, meant.what)
    found = _telling_apart(found, meant.theirs)
    return Answer(views.not_them(_without(context, meant, id, found), found))


def keep_category_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Only the co-authors of that paper are somebody else's."""
    meant, id = _pressed(invocation, context, value), value.rpartition(" ")[2]
    found = next((each for each in meant.others if each.paper == id), None)
    if found is None:
        raise Refused(views.not_yours())
    found = found.model_copy(update={"category": ""})
    return Answer(views.not_them(_without(context, meant, id, found), found))


def them_again_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    meant, id = _pressed(invocation, context, value), value.rpartition(" ")[2]
    return Answer(views.them_again(_without(context, meant, id, None)))


# -- helpers


def _follow(
    invocation: Invocation,
    context: Context,
    kind: FollowKind,
    what: str,
    title: str = "",
    theirs: Evidence | None = None,
) -> Answer:
    """Follow it from now on; what is followed already keeps what is known of it."""
    _require_chat(invocation)
    store, place = context.store.follows, invocation.address.workspace_key
    wanted = Follow(
        workspace=place,
        by=invocation.by,
        kind=kind,
        what=what,
        title=title,
        since=invocation.at,
        theirs=(theirs,) if theirs else (),
    )
    known = store.get(place, invocation.by, wanted.token)
    if known is None and len(store.of(place, invocation.by)) >= _MOST:
        raise Refused(views.too_many(_MOST))
    if known:
        papers = {each.paper: each for each in (*known.theirs, *wanted.theirs)}
        others = tuple(each for each in known.others if not theirs or each.paper != theirs.paper)
        kept = {"theirs": tuple(papers.values())[-_MOST_OTHERS:], "others": others}
        wanted = known.model_copy(update=kept)
    store.put(wanted)
    context.store.tellings.drop_unreachable(place, invocation.by)
    return Answer(views.now_followed(wanted))


def _parsed(typed: Sequence[str]) -> tuple[FollowKind, str]:
    """What is named by words. Raises Refused."""
    text = " ".join(typed)
    if text.lower() == "several":
        raise Refused(views.one_at_a_time())
    kind, rest = _KINDS.get(typed[0].lower().strip(":")), " ".join(typed[1:])
    if kind is None and any(map(str.isdigit, text)):
        return FollowKind.PAPER, ids.parse_one(text).id
    if kind is FollowKind.PAPER:
        return kind, ids.parse_one(rest).id
    what = one_line(rest).strip(_QUOTES)
    if kind is FollowKind.AUTHOR:
        if sum(map(str.isalpha, what)) < 2:
            raise Refused(views.no_name(what))
        if len(what) > _LONGEST:
            raise Refused(views.too_long_a_name(_LONGEST))
        return kind, what
    if kind is FollowKind.TERM:
        if len(words(what).replace(" ", "")) < 2 or len(what) > _LONGEST:
            raise Refused(views.no_term(what, _LONGEST))
        return kind, what
    raise Refused(views.what_to_follow(text))


def _named(mine: Sequence[Follow], typed: Sequence[str]) -> list[Follow]:
    """Those of somebody's follows that words name, with their kind or without."""
    try:
        kind, what = _parsed(typed)
    except Refused:
        kind, what = None, one_line(" ".join(typed)).strip(_QUOTES)
    same = " ".join(what.casefold().split())
    return [
        each
        for each in mine
        if kind in (None, each.kind) and " ".join(each.what.casefold().split()) == same
    ]


def _mine(invocation: Invocation, context: Context) -> list[Follow]:
    """What a person follows here; in direct messages on Discord, which belong to no server, on all
    of them."""
    place, by = invocation.address, invocation.by
    if place.workspace or place.platform != "discord":
        return context.store.follows.of(place.workspace_key, by)
    every = context.store.follows.all()
    return [each for each in every if each.by == by and each.workspace.startswith("discord:")]


def _pressed(invocation: Invocation, context: Context, value: str) -> Follow:
    """What a button of this person's names, which begins with `WORKSPACE TOKEN`. Raises Refused for
    one that is somebody else's."""
    workspace, _, rest = value.partition(" ")
    place = invocation.address
    if place.workspace and workspace != place.workspace:
        raise Refused(views.not_yours())
    key = f"{place.platform}:{workspace}"
    found = context.store.follows.get(key, invocation.by, rest.partition(" ")[0])
    if found is None:
        raise Refused(views.not_yours())
    return found


def _without(context: Context, meant: Follow, id: str, found: Evidence | None) -> Follow:
    """The follow with what a paper (an id) says of somebody else replaced. Raises Refused when it
    was ended meanwhile."""

    def changed(now: Follow) -> Follow:
        others = [each for each in now.others if each.paper != id]
        others += [found] if found else []
        return now.model_copy(update={"others": tuple(others[-_MOST_OTHERS:])})

    after = context.store.follows.change(meant, changed)
    if after is None:
        raise Refused(views.not_yours())
    return after


def _telling_apart(found: Evidence, theirs: Sequence[Evidence]) -> Evidence:
    """What a paper by somebody else says, without what it has in common with those by whom is
    meant."""
    known = [name for each in theirs for name in each.co_authors]
    others = tuple(name for name in found.co_authors if not followed([name], known))
    is_known = any(each.category == found.category for each in theirs)
    category = "" if is_known else found.category
    return found.model_copy(update={"co_authors": others, "category": category})


def _required_paper(context: Context, invocation: Invocation, named: str) -> Paper:
    if paper := paper_named(context, invocation, named):
        return paper
    raise Refused(views.no_such_paper(ids.parse_one(named.rpartition(" ")[2]).id))


def _require_chat(invocation: Invocation) -> None:
    if invocation.address.platform == "terminal":
        raise Refused(views.not_in_terminal())
