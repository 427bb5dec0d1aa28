"""Which papers the model is shown as examples, what it costs, and how to end it, in words."""

from __future__ import annotations

from collections.abc import Iterable

from bot.arxiv.text import one_line, readable, shortened
from bot.domain.judge import VotedExample
from bot.domain.message import Button, Message
from bot.domain.papers import Profile
from bot.domain.readers.showing import Price
from bot.domain.readers.teaching import VoteUse

_TITLE = 80


def with_examples(
    taught: Message,
    profile: Profile,
    use: VoteUse,
    found: tuple[VotedExample, ...],
    price: Price | None,
    may_change: bool,
) -> Message:
    """`/digest taught` with what the model is shown, or could be: what was `found`, at that price
    (None: not known yet, so it cannot be switched on)."""
    if use.shows:
        text, label, action = _shown(use), "Show the model none", "hide-examples"
    elif found and price and use.weight.factor:
        cost = _cost(price)
        text = (
            f"The votes on these contradict the model's scores: {_listed(found)}. Shown to it as "
            f"examples they would cost {cost} more. Your workspace's scores would be its own then."
        )
        label, action = f"Show the model these, {cost}", "show-examples"
    else:
        return taught
    buttons = (Button(action=action, label=label, value=profile.name),) if may_change else ()
    return taught.model_copy(
        update={"text": (*taught.text, text), "buttons": (*taught.buttons, *buttons)}
    )


def shown_text(profile: Profile, price: Price) -> Message:
    """It was switched on."""
    return Message(
        title=f"The model will be shown what votes say of {one_line(profile.title)}.",
        text=(
            f"Each night chooses anew, up to three papers; that costs {_cost(price)} more. It "
            "begins with the next night. Who forgets a vote takes its paper out at once.",
        ),
        buttons=(Button(action="hide-examples", label="Undo", value=profile.name),),
    )


def hidden_text(profile: Profile) -> Message:
    return Message(
        title=f"The model is shown nothing of the votes on {one_line(profile.title)} any more.",
        text=("That holds from the next digest on.",),
    )


def nothing_to_show() -> str:
    return (
        "There is nothing to show the model: the votes of three people have to contradict its "
        "scores first, by 👍 below /why or 👎 “off topic”, and it has to have scored a digest here."
    )


def _shown(use: VoteUse) -> str:
    if not use.weight.factor:
        return "The model is shown no papers while votes change nothing."
    if not use.chosen:
        return "The model is shown no paper: each night looks for some whose votes contradict it."
    return f"The model is shown, as examples: {_listed(use.chosen)}. Each night chooses anew."


def _listed(examples: Iterable[VotedExample]) -> str:
    def said(example: VotedExample) -> str:
        title = shortened(one_line(readable(example.title)), _TITLE)
        readers = "liked" if example.is_liked else "off topic"
        return f"“{title}” ({readers}; it gave {example.relevance})"

    return ", ".join(map(said, examples))


def _cost(price: Price) -> str:
    if price.usd_a_month is None:
        return f"about {price.tokens_a_day:,} tokens a day"
    if price.usd_a_month < 0.01:
        return "less than $0.01 a month"
    return f"about ${price.usd_a_month:.2f} a month"
