"""What a channel's readers liked, kept and discussed most, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bot.arxiv.text import quoted, readable, shortened
from bot.domain.digest import Digest
from bot.domain.message import Button, Item, Message, People
from bot.domain.readers.best import Best, Discussed, Kept, Liked
from bot.views.dates import short_date
from bot.views.digest import count

# Papers of each kind, and characters of a title.
_PAPERS, _TITLE = 5, 160


def best_text(best: Best, days: int, is_weekly: bool, unread: int = 0) -> Message:
    """`/digest best`; `is_weekly`: the channel is told on Fridays; replies in so many threads are
    `unread`."""
    title = "The best of the last " + (count(days, "day") if days > 1 else "day")
    change = ("Not on Fridays", "off") if is_weekly else ("Tell everyone on Fridays", "fridays")
    buttons = (Button(action="weekly-best", label=change[0], value=change[1]),)
    items = tuple(_items(best, _kept))
    small = (f"Replies in {count(unread, 'more thread')} were not counted.",) if unread else ()
    if not items:
        title += ": nobody voted, shared a paper or replied yet."
        where = "👍 and Save are below each paper; /why has both for papers that were not posted."
        return Message(title=title, text=(where,), small=small, buttons=buttons)
    return Message(title=title, items=items, small=small, buttons=buttons)


def best_of_week(best: Best) -> Message:
    """The same for the whole channel. Who saved a paper is counted: Slack would notify everybody
    whom a message in the channel names, every week."""
    return Message(
        title="The best of this week",
        items=tuple(_items(best, _kept_by_so_many)),
        small=(
            "By your votes, your replies and the saved papers that you share. To end it: /digest "
            "best off.",
        ),
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
    """The most liked papers that were posted here, the most discussed, the most saved of those that
    people share, and papers that were not posted and were voted up all the same."""
    yield from _section("Most liked", map(_liked, best.posted))
    yield from _section("Most discussed", map(_discussed, best.papers))
    yield from _section("Most discussed digests", map(_discussed, best.digests))
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


def digest_name(digest: Digest) -> str:
    """A digest among others: `Matters · Thu 20 Mar 2025`."""
    return f"{readable(digest.profile.title)} · {short_date(digest.date, 0)}"


def _discussed(each: Discussed) -> Item:
    """A paper, or the thread of a digest."""
    who = "one person" if each.people == 1 else f"{each.people} people"
    replies = "1 reply" if each.replies == 1 else f"{each.replies} replies"
    rest = each.paper or "in its thread"
    url = _url(each.paper) if each.paper else each.url
    return Item(title=_short(each.title), url=url, small=(f"{replies} by {who} · {rest}",))


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
