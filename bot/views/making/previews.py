"""Private looks: at a digest, and at what a profile would have brought on recent days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bot.arxiv.text import one_line, readable, shortened
from bot.domain.message import Button, Item, Message
from bot.domain.papers import Profile
from bot.domain.reasons import ModelReason
from bot.domain.tasks.trial import ENOUGH_DAYS, MOST_DAYS, NAMED, Trial, TrialPaper, TrialResult
from bot.views.dates import short_date
from bot.views.digest import count, dollars
from bot.views.reasons import REASON_TEXTS

_VALUE = 64  # characters of a button's value
_TITLE: Final = 110


def preview_coming(profile: Profile) -> Message:
    return Message(title=f"Getting the latest digest of {one_line(profile.title)}, only for you.")


def preview_end(
    profile: Profile, channel: str, top: int | None, shown: int, picked: int, subscribed: bool
) -> Message:
    """After the cards; the buttons make it everybody's."""
    value = f"{channel} {profile.name}"
    post = f"{value} top {top}" if top else value
    post = post if len(post) <= _VALUE else value
    rest = f"The first {shown} of {picked} papers. " if shown < picked else ""
    buttons = [Button(action="now", label="Post it here", value=post)]
    if not subscribed:
        label = "Subscribe this channel"
        buttons.append(Button(action="subscribe-to", label=label, value=value))
    buttons.append(Button(action="profiles", label="Try another"))
    return Message(
        title=f"{rest}Only you see this; nothing was posted or remembered.", buttons=tuple(buttons)
    )


def nothing_to_preview() -> Message:
    return Message(title="arXiv's list isn't available, so there is no digest to show yet.")


def under_way(profile: Profile, done: int, total: int) -> Message:
    """While the workers are at it; `total` is 0 before they say how much there is."""
    so_far = f": {done} of {total} days" if total else ""
    return Message(
        title=f"Trying {one_line(profile.title)} on the last days{so_far}.",
        small=("Only you see this. Nothing is posted, saved or paid for.",),
    )


def trial_result(trial: Trial, result: TrialResult, key: str = "") -> Message:
    """Papers a day, the best, the nearest misses, and what is different from before. `key` is the
    task's, by which a button asks the model; without it there is none."""
    title = one_line(trial.profile.title)
    if not result.days:
        return Message(
            title=f"There is no day to try {title} on yet.",
            text=(
                "Paperboy keeps the lists it has fetched, and has none of "
                f"{', '.join(trial.profile.categories)}.",
            ),
        )
    picked = sum(day.picked for day in result.days)
    return Message(
        title=f"{title}: {count(picked, 'paper')} on {count(len(result.days), 'day')}",
        text=tuple(_text(trial, result)),
        items=tuple(_items(trial, result)),
        small=tuple(_small(result)),
        buttons=tuple(_buttons(result, key)),
    )


def _buttons(result: TrialResult, key: str) -> Iterator[Button]:
    """What it costs is said before it is spent."""
    if key and result.unscored and result.trouble is not ModelReason.NO_BUDGET:
        price = "cost unknown" if result.usd_to_score is None else dollars(result.usd_to_score)
        papers = count(result.unscored, "paper")
        what = f"Ask the model again about {papers}" if result.bought else ""
        label = f"{what or f'Let the model score {papers}'}, about {price}"
        yield Button(action="buy-trial", label=label, value=key)


def _text(trial: Trial, result: TrialResult) -> Iterator[str]:
    year = result.days[-1].date.year
    compared = trial.before is not None
    if result.bought and result.unscored:
        papers = count(result.unscored, "paper")
        why = f", most because {REASON_TEXTS[result.trouble]}" if result.trouble else ""
        yield f"The model left {papers} without a score{why}."
    yield " · ".join(
        f"{short_date(day.date, year)}: {day.picked}"
        + (f" (was {day.before})" if compared and day.before != day.picked else "")
        + f" of {day.announced}"
        for day in result.days
    )
    if compared:
        changed = result.entered or result.left or result.moved
        yield (
            f"Compared with the profile as it is: {len(result.entered)} in, "
            f"{len(result.left)} out, {len(result.moved)} moved."
            if changed
            else "The same papers as with the profile as it is."
        )
    if result.missing:
        yield f"Not in it: {', '.join(result.missing)}, of which Paperboy has no list yet."


def _items(trial: Trial, result: TrialResult) -> Iterator[Item]:
    """Differences first, where there are some: they are what was asked for."""
    year = result.days[-1].date.year

    def place(paper: TrialPaper) -> str:
        score = f"relevance {paper.relevance}"
        score += "" if paper.novelty is None else f", novelty {paper.novelty}"
        return f"{short_date(paper.date, year)}, {score}"

    def was(paper: TrialPaper) -> str:
        return f"{short_date(paper.date, year)}, from {paper.rank_before} to {paper.rank}"

    yield from _item("In", result.entered, place)
    yield from _item("Out", result.left, place)
    yield from _item("Moved", result.moved, was)
    yield from _item("The best", result.best, place, len(result.best))
    yield from _item("Nearly", result.near, place)


def _item(
    label: str,
    papers: Sequence[TrialPaper],
    says: Callable[[TrialPaper], str],
    most: int = NAMED,
) -> Iterator[Item]:
    if papers:
        points = [f"{_short(paper)} ({says(paper)})" for paper in papers[:most]]
        if len(papers) > most:
            points.append(f"and {len(papers) - most} more")
        yield Item(title=label, points=tuple(points))


def _short(paper: TrialPaper) -> str:
    return shortened(one_line(readable(paper.title)), _TITLE)


def _small(result: TrialResult) -> Iterator[str]:
    yield _by(result)
    if result.usd_a_month is not None:
        yield f"Scored by the model, days like these cost about ${result.usd_a_month:.2f} a month."
    if result.filled:
        dates = ", ".join(short_date(day, result.days[-1].date.year) for day in result.filled)
        yield f"From arXiv's API, without papers that were held back: {dates}."
    if result.stored < ENOUGH_DAYS:
        yield f"Paperboy has {count(result.stored, 'day')} of these categories so far."
    yield "Only you see this; nothing was posted or saved."


def _by(result: TrialResult) -> str:
    if result.by_model and result.bought:
        return "By the model's scores of the papers that the local ranking likes best."
    if result.by_model:
        return "By the model's scores of these days, which are kept: nothing was paid for."
    by = "by its words alone" if result.words_only else "by its words and what they mean"
    return f"By the local ranking, {by}; a model would pick somewhat other papers."


def buying(profile: Profile, done: int, total: int) -> Message:
    """While the model is asked; `total` is 0 before it is known about how many papers."""
    so_far = f": {done} of {count(total, 'paper')}" if total else ""
    return Message(
        title=f"The model scores papers for {one_line(profile.title)}{so_far}.",
        small=("Only you see this. Nothing is posted or saved but the scores.",),
    )


def still_buying(profile: Profile, done: int, total: int, key: str) -> Message:
    """Where nobody waits any longer for a purchase that goes on; `key` is the task's."""
    return Message(
        title=(
            f"The model has scored {done} of {count(total, 'paper')} for {one_line(profile.title)}."
        ),
        text=("It goes on, and every score is kept: no paper is asked about, or paid for, twice.",),
        buttons=(Button(action="buy-trial", label="Show me what there is", value=key),),
    )


def interrupted(profile: Profile, buys: bool) -> Message:
    title = one_line(profile.title)
    kept = "The model's scores so far are kept: none is paid for twice. " if buys else ""
    return Message(
        title=f"Paperboy was restarted while it tried {title} on the last days for you.",
        text=(f"{kept}Please ask again.",),
    )


def scored_by_another() -> str:
    return (
        "The model scores papers by the same criteria already. Try again in a minute: its scores "
        "are kept, and count here."
    )


def no_model_to_ask() -> str:
    return "No model is set up any more, so nobody can be asked for scores."


def preview_expired() -> str:
    return "That preview is over; ask for it again: /digest preview PROFILE last 5."


def wrong_days() -> str:
    return f"Name how many days to try, 1 to {MOST_DAYS}: /digest preview PROFILE last 5."


def too_slow() -> str:
    still = REASON_TEXTS[ModelReason.STILL_AT_IT]
    return f"That takes longer than it should: {still}. Try again in a few minutes."
