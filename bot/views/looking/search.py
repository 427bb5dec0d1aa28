"""What a search found, in words: each paper with what became of it, and where it can be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from bot.arxiv.text import quoted, readable, shortened
from bot.domain.digest import Decision, Digest
from bot.domain.message import Button, Item, Message
from bot.domain.tasks.search import LONGEST, Search, SearchResult
from bot.views.dates import short_date
from bot.views.digest import OUTCOME_WORDS, count

_TITLE = 80


class FoundPaper(NamedTuple):
    """A paper in the digest that decided on it. `channel` (an id) is empty for the one that asks,
    `url` opens the message that shows the paper, if there is one; `day` is what buttons carry."""

    digest: Digest
    decision: Decision
    channel: str
    url: str
    day: str


def looking(search: Search, done: int, total: int) -> Message:
    """While the workers are at it; `total` is 0 before they say how much there is."""
    read = (f"{done} of {count(total, 'digest')} read.",) if total else ()
    return Message(title=f"Looking for papers {_about(search)} …", text=read)


def interrupted(search: Search) -> Message:
    return Message(
        title=f"Paperboy was restarted while it looked for papers {_about(search)}.",
        text=("Please search again.",),
    )


def found(
    search: Search, result: SearchResult, papers: Sequence[FoundPaper], today: date
) -> Message:
    """The papers, the nearest first, or that there are none."""
    if result.since is None:
        return Message(title="There is nothing to search yet: no digest has come here.")
    how = "by words alone" if result.words_only else "by words and meaning"
    where = (
        f"{count(result.papers, 'paper')} in digests since {short_date(result.since, today.year)}"
    )
    if not papers:
        return Message(title=f"No papers {_about(search)}.", small=(f"Searched {where}, {how}.",))
    several = len({each.digest.profile.name for each in papers}) > 1
    return Message(
        title=f"Papers {_about(search)}",
        items=tuple(_item(each, today.year, several) for each in papers),
        small=(f"The nearest of {where}, {how}. Only you see this.",),
    )


def _item(each: FoundPaper, year: int, names_profile: bool) -> Item:
    paper = each.decision.paper
    profile = [readable(each.digest.profile.title)] if names_profile else []
    facts = [paper.id, *profile, short_date(each.digest.date, year), _verdict(each)]
    buttons = [Button(action="open", label="Show", url=each.url)] if each.url else []
    if not each.channel:
        buttons.append(Button(action="why", label="Why", value=f"{each.day} {paper.id}"))
    return Item(
        title=readable(paper.title),
        url=paper.url,
        channel=each.channel,
        small=(" · ".join(facts),),
        buttons=tuple(buttons),
    )


def _verdict(each: FoundPaper) -> str:
    """`posted, relevance 8, novelty 7`, or what became of it; **Why** says why."""
    decision = each.decision
    is_posted = decision in each.digest.posted
    said = ["posted" if is_posted else OUTCOME_WORDS[decision.outcome]]
    if score := decision.score:
        said.append(f"relevance {score.relevance}")
        said += [f"novelty {score.novelty}"] if score.novelty is not None else []
    return ", ".join(said)


def _about(search: Search) -> str:
    if search.like:
        return f"like {shortened(readable(search.title), _TITLE)}"
    return f"about {quoted(search.title)}"


def name_words() -> str:
    return "Say what to look for: /digest search WORDS."


def too_many_words() -> str:
    return f"That is too much to look for: at most {LONGEST} characters."
