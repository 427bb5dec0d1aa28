"""What a channel's readers liked and kept most, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bot.arxiv.text import quoted, readable, shortened
from bot.domain.message import Button, Item, Message, People
from bot.domain.readers.best import Best, Kept, Liked
from bot.views.digest import count

# Papers of each kind, and characters of a title.
_PAPERS, _TITLE = 5, 160


def best_text(best: Best, days: int, is_weekly: bool) -> Message:
    """`/digest best`; `is_weekly`: the channel is told on Fridays."""
    title = "The best of the last " + (count(days, "day") if days > 1 else "day")
    change = ("Not on Fridays", "off") if is_weekly else ("Tell everyone on Fridays", "fridays")
    buttons = (Button(action="weekly-best", label=change[0], value=change[1]),)
    items = tuple(_items(best, _kept))
    if not items:
        title += ": nobody voted or shared a paper yet."
        where = "👍 and Save are below each paper; /why has both for papers that were not posted."
        return Message(title=title, text=(where,), buttons=buttons)
    return Message(title=title, items=items, buttons=buttons)


def best_of_week(best: Best) -> Message:
    """The same for the whole channel. Who saved a paper is counted: Slack would notify everybody
    whom a message in the channel names, every week."""
    return Message(
        title="The best of this week",
        items=tuple(_items(best, _kept_by_so_many)),
        small=("By your votes and the saved papers that you share. To end it: /digest best off.",),
    )


def weekly_text(is_wanted: bool, has_clock: bool) -> Message:
    """To who switched it on or off; `has_clock`: the channel is subscribed."""
    if not is_wanted:
        return Message(title="The best of the week comes no more on Fridays.")
    text = () if has_clock else ("It comes once this channel is subscribed to a profile.",)
    return Message(title="The best of the week comes here on Fridays at 16:00.", text=text)


def weekly_changed(is_wanted: bool, by: str) -> Message:
    """To the channel."""
    did = "on: it comes here on Fridays at 16:00" if is_wanted else "off"
    return Message(by=by, title=f"switched the best of the week {did}.")


def only_in_channel() -> str:
    return "The best is a channel's: ask in one."


def unknown_days(words: str, most: int) -> str:
    return (
        f"{quoted(words)} is no number of days from 1 to {most}: write /digest best 30, or "
        "/digest best fridays."
    )


def _items(best: Best, kept: Callable[[Kept], Item]) -> Iterator[Item]:
    """The most liked papers that were posted here, the most saved of those that people share, and
    papers that were not posted and were voted up all the same."""
    yield from _section("Most liked", map(_liked, best.posted))
    yield from _section("Most saved, of what people share", map(kept, best.kept))
    yield from _section("Not posted, but voted up", map(_liked, best.missed))


def _section(heading: str, items: Iterable[Item]) -> Iterator[Item]:
    """A heading, and the first papers below it; nothing where there are none."""
    found = list(items)
    if found:
        left = f" (the first {_PAPERS} of {len(found)})" if len(found) > _PAPERS else ""
        yield Item(title=f"{heading}{left}:")
        yield from found[:_PAPERS]


def _liked(paper: Liked) -> Item:
    votes = f"{paper.ups} 👍" + (f", {paper.downs} 👎" if paper.downs else "")
    return Item(
        title=_short(paper.title), url=_url(paper.paper), small=(f"{votes} · {paper.paper}",)
    )


def _kept(paper: Kept) -> Item:
    return Item(
        title=_short(paper.title),
        url=_url(paper.paper),
        people=(People(label="Saved by", ids=paper.people),),
        small=(paper.paper,),
    )


def _kept_by_so_many(paper: Kept) -> Item:
    who = "one person" if len(paper.people) == 1 else f"{len(paper.people)} people"
    small = (f"saved by {who} · {paper.paper}",)
    return Item(title=_short(paper.title), url=_url(paper.paper), small=small)


def _short(title: str) -> str:
    return shortened(readable(title), _TITLE)


def _url(paper: str) -> str:
    return f"https://arxiv.org/abs/{paper}"
