"""What people follow, in words: the list, what they are told, and who somebody is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.arxiv.authors import at_most, followed
from bot.arxiv.text import one_line, quoted, readable, shortened
from bot.domain.message import Button, Item, Link, Message
from bot.domain.papers import Change, Paper
from bot.domain.readers.following import (
    Evidence,
    Follow,
    FollowKind,
    Telling,
    Unreachable,
    Untellable,
)
from bot.planning.following import PAPERS
from bot.views.dates import short_date
from bot.views.digest import count
from bot.views.keeping.pages import page_of

# Authors that have a button, co-authors that are named, reasons of a paper; characters of a title,
# of a name and of a co-author's.
_AUTHORS, _NAMED, _REASONS = 8, 4, 3
# What is followed, on one page: with a button each, a message on Discord holds no more.
_PAGE: Final = 10
_TITLE, _NAME, _CO_AUTHOR = 150, 80, 40
GRAMMAR: Final = 'follow author "Jane Doe", follow term "sparse codes" or follow 2503.15294'

_WHAT_COMES: Final = {
    FollowKind.AUTHOR: "A new paper by someone of this name",
    FollowKind.TERM: "A new paper with these words in its title or abstract",
    FollowKind.PAPER: "A new version, a withdrawal, a journal reference",
}
_HOW: Final = (
    "is told to you once: in the paper's thread where you are in the channel, where others read "
    "it, too; otherwise in a direct message. It comes from the lists that this workspace's "
    "profiles ask for."
)
_UNREACHABLE: Final = {
    Untellable.LEFT: "Paperboy took you for a guest, or for gone",
    Untellable.NO_DIRECT: "Direct messages to you were refused",
}


# -- what I follow


def whom(paper: Paper, named: str) -> Message:
    """Who wrote a paper, each with a button to follow them, and one to follow the paper; `named` is
    what the button for this carried."""
    numbers = list(range(len(paper.authors)))
    if len(paper.authors) > _AUTHORS:
        numbers = [*numbers[: _AUTHORS - 1], numbers[-1]]
    buttons = [
        Button(action="follow-author", label=one_line(paper.authors[n]), value=f"{named} {n}")
        for n in numbers
    ]
    buttons.append(Button(action="follow-paper", label="This paper", value=named))
    return Message(
        title="Follow whom?",
        paper=Link(label=readable(paper.title), url=paper.url),
        text=(f"A new paper {_HOW}",),
        buttons=tuple(buttons),
    )


def now_followed(follow: Follow) -> Message:
    text = [f"{_WHAT_COMES[follow.kind]} {_HOW}"]
    if follow.kind is FollowKind.AUTHOR and len(follow.what.split()) == 1:
        text.append(
            "One word matches only an author or a collaboration of just that name; for a person, "
            "write the whole name."
        )
    return Message(
        title=f"You follow {_name(follow)}.", text=tuple(text), buttons=(_unfollow(follow),)
    )


def followed_list(
    follows: Sequence[Follow], page: int = 1, unreachable: Unreachable | None = None
) -> Message:
    """A page of what one person follows here, each with a button to end it."""
    notices: tuple[str, ...] = ()
    if unreachable:
        since = short_date(unreachable.at.date(), unreachable.at.year)
        notices = (f"{_UNREACHABLE[unreachable.why]} on {since}. It is tried again from now on.",)
    if not follows:
        return Message(
            title="You follow nothing here.",
            notices=notices,
            text=(f"To be told of a paper, type /digest {GRAMMAR}.",),
        )
    shown, which, turn = page_of(follows, page, _PAGE, "follows")
    return Message(
        title=f"You follow {count(len(follows), 'thing')}",
        notices=notices,
        items=tuple(map(_item, shown)),
        small=(*which, f"More: /digest {GRAMMAR}. Only you see this list."),
        buttons=turn,
    )


def unfollowed(follows: Sequence[Follow]) -> Message:
    names = _name(follows[0]) if len(follows) == 1 else f"these {len(follows)} things"
    return Message(title=f"You no longer follow {names}.")


def _item(follow: Follow) -> Item:
    small = []
    if follow.others:
        papers = count(len(follow.others), "paper")
        small.append(f"{papers} by someone else of this name")
    url = f"https://arxiv.org/abs/{follow.what}" if follow.kind is FollowKind.PAPER else ""
    return Item(title=_name(follow), url=url, small=tuple(small), buttons=(_unfollow(follow),))


def _name(follow: Follow) -> str:
    what = shortened(one_line(follow.what), _NAME)
    match follow.kind:
        case FollowKind.TERM:
            return f"“{what}”"
        case FollowKind.PAPER if follow.title:
            return f"{what}, {shortened(readable(follow.title), _TITLE)}"
    return what


def _unfollow(follow: Follow) -> Button:
    return Button(action="unfollow", label="Unfollow", value=_value(follow))


def _value(follow: Follow) -> str:
    """A direct message on Discord belongs to no workspace, so the button names it."""
    return f"{follow.workspace.partition(':')[2]} {follow.token}"


# -- what is told


def mention(telling: Telling, paper: Paper, follows: Sequence[Follow]) -> Message:
    """In the thread that shows the paper, to one person."""
    return Message(
        title="new from what you follow",
        to=telling.by,
        paper=Link(label=shortened(readable(paper.title), _TITLE), url=paper.url),
        small=tuple(_reasons(paper, follows)),
        buttons=tuple(_buttons(paper, follows)),
    )


def direct(
    tellings: Sequence[Telling], papers: Mapping[str, Paper], follows: Mapping[str, Follow]
) -> Message:
    """One message to one person about papers that no thread of theirs shows, or that were too many
    to be mentioned; `papers` are by Telling.ref, `follows` by their token."""
    items = []
    for telling in tellings[:PAPERS]:
        met = [follows[token] for token in telling.follows if token in follows]
        paper = papers.get(telling.ref)
        if telling.change:
            items.append(_changed(telling.change, met))
        elif paper:
            items.append(
                Item(
                    title=shortened(readable(paper.title), _TITLE),
                    url=paper.url,
                    small=tuple(_reasons(paper, met)),
                    buttons=tuple(_buttons(paper, met)),
                )
            )
    left = len(tellings) - len(tellings[:PAPERS])
    more = (f"+ {left} more: /digest follows shows what you follow.",) if left else ()
    return Message(
        title=f"{count(len(tellings), 'paper')} from what you follow",
        items=tuple(items),
        small=more,
    )


def _changed(change: Change, follows: Sequence[Follow]) -> Item:
    title = next((each.title for each in follows if each.title), "")
    said = [f"Withdrawn: {one_line(change.withdrawn)}"] if change.withdrawn else []
    said += [f"Published: {one_line(change.published)}"] if change.published else []
    return Item(
        title=shortened(readable(title), _TITLE) or change.paper,
        url=f"https://arxiv.org/abs/{change.paper}",
        text=(f"Version {change.version} is out.", *said),
        buttons=tuple(map(_unfollow, follows[:1])),
    )


def _reasons(paper: Paper, follows: Iterable[Follow]) -> Iterator[str]:
    """Why a paper is told; of an author, what may tell people of that name apart."""
    for follow in list(follows)[:_REASONS]:
        if follow.kind is FollowKind.TERM:
            yield f"Has {_name(follow)}"
            continue
        own = [author for author in paper.authors if followed([author], [follow.what])]
        others = [author for author in paper.authors if author not in own]
        named = ", ".join(shortened(one_line(author), _CO_AUTHOR) for author in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        name = shortened(one_line(own[0] if own else follow.what), _NAME)
        beside = f"with {named}{more}" if named else "alone"
        yield f"By {name}, {beside}, in {one_line(paper.categories[0])}"


def _buttons(paper: Paper, follows: Sequence[Follow]) -> Iterator[Button]:
    by_author = [each for each in follows if each.kind is FollowKind.AUTHOR]
    for follow in by_author[:2]:
        which = "Not this one" if len(by_author) == 1 else f"Not this {one_line(follow.what)}"
        yield Button(action="not-them", label=which, value=f"{_value(follow)} {paper.id}")
    for follow in follows[:1]:
        yield _unfollow(follow)


# -- who somebody is not


def not_them(follow: Follow, found: Evidence) -> Message:
    """What is remembered of a paper by somebody else of the name, with buttons to take it back."""
    value = f"{_value(follow)} {found.paper}"
    buttons = [Button(action="them-again", label="Undo", value=value)]
    if found.category:
        label = f"Keep {one_line(found.category)}"
        buttons.append(Button(action="keep-category", label=label, value=value))
    told = f"Papers by {_name(follow)} {_where(found)} are not told to you any more."
    if not (found.co_authors or found.category):
        told = "It has the same co-authors and category as papers of theirs, so it changes nothing."
    known = "A co-author of a paper you followed them from counts for more."
    return Message(
        title=f"Noted: {found.paper} is by someone else.",
        text=(told, known) if follow.theirs else (told,),
        buttons=tuple(buttons),
    )


def them_again(follow: Follow) -> Message:
    return Message(title=f"Papers by {_name(follow)} like that one are told to you again.")


def _where(found: Evidence) -> str:
    """`with A or B, or in math.CO,`."""
    names = [one_line(name) for name in at_most(found.co_authors, _NAMED)]
    said = [f"with {' or '.join(names)}"] if names else []
    said += [f"in {one_line(found.category)}"] if found.category else []
    return f"{said[0]}, or {said[1]}," if len(said) > 1 else "".join(said)


# -- refusals


def what_to_follow(typed: str = "") -> str:
    said = f"{quoted(typed)} is not understood. " if typed else ""
    return f"{said}Say what you follow: /digest {GRAMMAR}."


def one_at_a_time() -> str:
    """To `several`, as Discord's command says where more than one of its options is filled in."""
    return "Name one thing at a time: an author, a term or a paper. Nothing has changed."


def no_name(typed: str) -> str:
    return f'{quoted(typed)} is no name; write it as in: follow author "Jane Doe".'


def no_term(typed: str, longest: int) -> str:
    said = f"{quoted(typed)} is no term" if typed else "The term is missing"
    letters = f"at least 2 letters or digits and at most {longest} characters"
    return f'{said}; it has {letters}, as in: follow term "sparse codes".'


def too_long_a_name(longest: int) -> str:
    return f"A name may have {longest} characters. Write one author's name."


def too_many(most: int) -> str:
    return f"You follow {most} things here, the most one person can. Unfollow one first."


def not_followed(typed: str) -> str:
    return f"You don't follow {quoted(typed)} here: /digest follows shows what you follow."


def not_yours() -> str:
    return "You don't follow this, or no longer: /digest follows shows what you follow."


def no_such_paper(id: str) -> str:
    return f'Paperboy doesn\'t have the text of {id} any more. Type follow author "NAME" instead.'


def not_in_terminal() -> str:
    return "Nobody is told anything at a terminal. Follow in a chat."
