"""The answer to `/why`, for each profile that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Digest
from bot.domain.lookup import Found
from bot.domain.message import Button, Head, Item
from bot.domain.paper_status import Standing
from bot.domain.papers import fingerprint
from bot.views import why_words
from bot.views.dates import long_date
from bot.views.digest import announced_as, comment, judged_by

_CATEGORIES = 12


def answer(
    id: str,
    standings: Sequence[Standing],
    today: date,
    zone: str,
    found: Found | None = None,
    waits: bool = False,
    failed: Sequence[Standing] = (),
) -> Head:
    """The whole answer, as far as it is known; `waits` while a judge is being asked, `failed` are
    those of which nothing could be found out.

    `today` is New York's date, `zone` the asker's. Links to messages are the caller's to add.
    """
    paper = next((s.paper for s in standings if s.paper), None)
    notices = [f"Withdrawn: {one_line(found.withdrawn)}"] if found and found.withdrawn else []
    said = [tuple(_said(s, today, zone, s in failed)) for s in standings]
    alone = len(standings) == 1
    missing = "looking it up …" if waits else "not looked up" if failed else "not found"
    title = readable(paper.title) if paper else missing
    small = [one_line(standings[0].profile.title), *_small(standings[0])] if alone else []
    if waits and paper:
        small.append("A closer look follows.")
    return Head(
        title=f"{id}: {title}",
        notices=tuple(notices),
        text=said[0] if alone else (),
        items=() if alone else tuple(_items(standings, said)),
        small=tuple(small),
        buttons=(Button(action="open", label="arXiv", url=paper.url),) if paper else (),
    )


def closer(id: str, standings: Sequence[Standing], failed: Sequence[Standing] = ()) -> Head:
    """What the judges were asked for, after the ledger's answer was given: a sentence at least of
    each; `failed` as in `answer`."""
    asked = [s for s in standings if s.opinion or s in failed] or standings
    rows = [(s, tuple(why_words.closer(s.opinion))) for s in asked]
    alone = len(rows) == 1
    items = (Item(title=one_line(s.profile.title), small=text) for s, text in rows)
    return Head(
        title=f"{id}, read more closely",
        text=rows[0][1] if alone else (),
        items=() if alone else tuple(items),
    )


def _items(standings: Sequence[Standing], said: Sequence[tuple[str, ...]]) -> Iterator[Item]:
    """A channel is named where there are several."""
    several = len({standing.address for standing in standings}) > 1
    for standing, text in zip(standings, said, strict=True):
        channel = standing.address.channel if several else ""
        title = one_line(standing.profile.title)
        yield Item(title=title, channel=channel, small=(*text, *_small(standing)))


def _said(standing: Standing, today: date, zone: str, failed: bool) -> Iterator[str]:
    yield why_words.verdict(standing, today, zone)
    digest, decision = standing.digest, standing.decision
    if digest and decision and decision.score:
        yield why_words.scores(decision.score.relevance, decision.score.novelty) + "."
        if said := comment(digest, decision):
            yield said
    yield from why_words.hint(standing)
    if standing.opinion:
        if decision is None or decision.score is None:
            yield from why_words.judged_now(standing, standing.opinion)
            yield from why_words.claims(standing.opinion)
        else:
            yield from why_words.closer(standing.opinion)
    elif failed:
        yield why_words.not_found_out()


def _small(standing: Standing) -> Iterator[str]:
    if standing.date and standing.listed:
        listed = standing.listed
        how = announced_as(listed, standing.date)
        others = one_line(", ".join(listed.paper.categories[1:_CATEGORIES]))
        yield f"{long_date(standing.date)} · {how}" + (f" · also {others}" if others else "")
    if standing.digest:
        yield _judge(standing.digest)
    if standing.changed:
        yield "The profile has been changed since."


def _judge(digest: Digest) -> str:
    """Who judged, told what: the same eight digits are the same words."""
    said = f", prompt {fingerprint(digest.prompt)[:8]}" if digest.prompt else ""
    who = one_line(digest.judge.model) if digest.judge.model else judged_by(digest)
    return who + said
