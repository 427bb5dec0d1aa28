"""What readers' votes taught a profile, in words: what came of them, and how to take it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bot.arxiv.text import one_line, quoted, readable, shortened
from bot.domain.message import Button, Item, Message
from bot.domain.papers import Profile, fingerprint
from bot.domain.readers.teaching import DownReason, Lesson, Taught, VoteUse, VoteWeight, basis_of
from bot.domain.subscription import Vote
from bot.views.digest import count

# Papers of each kind and people that are shown, and characters of a title.
_PAPERS, _PEOPLE, _TITLE = 3, 4, 80

_REASONS = {
    DownReason.OFF_TOPIC: "Off topic",
    DownReason.KNOWN: "Known",
    DownReason.WEAK: "Weak",
    DownReason.NOT_NOW: "Not now",
}
_THANKS = {
    DownReason.OFF_TOPIC: "Off topic: from the next digest on, papers like it come later.",
    DownReason.KNOWN: "Known: papers like it come after newer ones; the topic stays wanted.",
    DownReason.WEAK: "Weak: papers like it come after others; the topic stays wanted.",
    DownReason.NOT_NOW: "Not now: your 👎 is on the card, and teaches nothing.",
}
_WHAT = (
    "Votes move papers with the same scores up or down, and so decide which are posted where there "
    "are too many; and they let papers pass the gate. The scores stay the judge's. One person's "
    "votes together count like four single ones at most."
)
_WEIGHED = {
    VoteWeight.FULL: "count in full",
    VoteWeight.SOME: "count half",
    VoteWeight.OFF: "change nothing",
}
_WEIGH = {
    VoteWeight.FULL: "Votes count in full",
    VoteWeight.SOME: "Votes count half",
    VoteWeight.OFF: "Votes change nothing",
}


def why_not(value: str) -> Message:
    """What a vote down is answered with; `value` is what its button carried."""
    buttons = (
        Button(action=f"down-{reason}", label=label, value=value)
        for reason, label in _REASONS.items()
    )
    return Message(title="👎 counted. Why not?", buttons=tuple(buttons))


def missed_vote(profile: Profile, stands: bool, use: VoteUse) -> Message:
    """To a vote for a paper that was not posted; `stands`, or was taken back."""
    if not stands:
        return Message(title="👍 taken back.")
    title, best = one_line(profile.title), "/digest best names the paper."
    teaches = f"It teaches {title} from the next digest on, and {best}"
    if not use.weight.factor:
        teaches = f"Votes change nothing in the digests of {title}, as set here; {best}"
    return Message(title="👍 counted, though it was not posted.", text=(teaches,))


def reason_kept(reason: DownReason, use: VoteUse) -> Message:
    if not use.weight.factor:
        kept = f"{_REASONS[reason]}: kept. Votes change nothing in these digests, as set here."
        return Message(title=kept)
    return Message(title=_THANKS[reason])


def vote_gone() -> str:
    return "Your 👎 on this paper is taken back already, so there is no reason to add."


def taught_text(
    profile: Profile,
    lessons: Sequence[Lesson],
    taught: Taught | None,
    use: VoteUse,
    person: str,
    may_forget_all: bool,
) -> Message:
    """`/digest taught`: what the votes of a profile's readers taught, to the `person` who asks."""
    title = f"What votes taught {one_line(profile.title)}"
    weighed = [_weigh(w, profile.name) for w in VoteWeight if w is not use.weight]
    if not lessons:
        none = "Nobody has voted yet: 👍 and 👎 are on every card."
        if not may_forget_all or use == VoteUse():
            return Message(title=title, text=(none,))
        return Message(title=title, text=(none,), small=(_what(use),), buttons=tuple(weighed))
    buttons = []
    if any(lesson.by == person for lesson in lessons):
        buttons.append(_forget("forget-mine", "Forget my votes", profile.name))
    if may_forget_all:
        every = _forget("forget-votes", "Forget all", profile.name)
        question = f"Forget all {count(len(lessons), 'vote')}? You can undo it for a day."
        buttons += [every.model_copy(update={"confirm": question}), *weighed]
    items = [*_papers(profile, lessons, person, may_forget_all)]
    if may_forget_all:
        items += _readers(profile, lessons, person)
    return Message(
        title=title,
        text=tuple(_summary(lessons, taught)),
        points=tuple(_words(taught)),
        items=tuple(items),
        small=(_what(use),),
        buttons=tuple(buttons),
    )


def weighed_text(profile: Profile, before: VoteUse, after: VoteUse) -> Message:
    """How much votes count from now on, with a button that takes it back."""
    title = f"Votes on papers of {one_line(profile.title)} {_WEIGHED[after.weight]} from now on."
    undo = _weigh(before.weight, profile.name).model_copy(update={"label": "Undo"})
    return Message(
        title=title,
        text=("They stay on the cards; none is forgotten.",),
        buttons=(undo,) if before.weight is not after.weight else (),
    )


def which_weight(word: str) -> str:
    named = f"{quoted(word)} is none of them" if word else "none is named"
    return f"Say how much votes count: off, some or full; {named}. Type /digest taught weigh some."


def forgotten_text(profile: str, votes: int, token: str) -> Message:
    """What was forgotten, with a button that undoes it."""
    return Message(
        title=f"Forgot {count(votes, 'vote')} on papers of {one_line(profile)}.",
        text=("The next digest comes as if they had never been cast.",),
        buttons=(Button(action="undo-forget", label="Undo", value=token),),
    )


def confirm_forget(profile: str, votes: int) -> Message:
    """Asks first, where the platform has no dialog for it."""
    return Message(
        title=f"Forget all {count(votes, 'vote')} on papers of {one_line(profile)}?",
        text=("You can undo it for a day.",),
        buttons=(_forget("forget-votes", "Forget all", profile),),
    )


def restored_text(profile: str, votes: int, of: int) -> Message:
    title = f"{count(votes, 'vote')} on papers of {one_line(profile)} {_are(votes)} back."
    left = of - votes
    text = (f"{count(left, 'paper')} had a new vote meanwhile, which stays.",) if left else ()
    return Message(title=title, text=text)


def nothing_to_forget(profile: str) -> str:
    return f"There is no such vote on papers of {one_line(profile)}: /digest taught shows them."


def undo_expired() -> str:
    return "Forgotten votes can be brought back for a day, once; this is over."


def _summary(lessons: Sequence[Lesson], taught: Taught | None) -> Iterator[str]:
    ups = sum(lesson.vote is Vote.UP for lesson in lessons)
    people = len({lesson.by for lesson in lessons})
    who = "one person" if people == 1 else f"{people} people"
    yield f"{count(len(lessons), 'vote')} of {who}: {ups} 👍, {len(lessons) - ups} 👎."
    if taught is None or taught.basis != basis_of(lessons):
        yield "The latest count from the next digest on."


def _words(taught: Taught | None) -> Iterator[str]:
    if taught and taught.words_for:
        yield f"For a paper: {_listed(taught.words_for)}"
    if taught and taught.words_against:
        yield f"Against a paper: {_listed(taught.words_against)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(one_line(readable(word)) for word in words)


def _papers(
    profile: Profile, lessons: Sequence[Lesson], person: str, may_forget_all: bool
) -> Iterator[Item]:
    """The papers with the most votes either way, the latest first among equals."""
    by_paper: dict[str, list[Lesson]] = {}
    for lesson in reversed(lessons):
        by_paper.setdefault(lesson.paper, []).append(lesson)
    for is_up in (True, False):
        rows = [r for r in by_paper.values() if (_balance(r) > 0) is is_up]
        for votes in sorted(rows, key=lambda rows: -abs(_balance(rows)))[:_PAPERS]:
            first = votes[0]
            may = may_forget_all or any(vote.by == person for vote in votes)
            value = f"{profile.name} {first.paper}"
            yield Item(
                title=shortened(readable(first.title), _TITLE),
                url=f"https://arxiv.org/abs/{first.paper}",
                small=(_counted(votes),),
                buttons=(_forget("forget-vote", "Forget", value),) if may else (),
            )


def _balance(votes: Sequence[Lesson]) -> int:
    return sum(1 if vote.vote is Vote.UP else -1 for vote in votes)


def _counted(votes: Sequence[Lesson]) -> str:
    """`3 👍, 1 👎 (off topic)`."""
    ups = sum(vote.vote is Vote.UP for vote in votes)
    downs = len(votes) - ups
    reasons = sorted({_REASONS[vote.reason].lower() for vote in votes if vote.reason})
    said = [f"{ups} 👍"] * bool(ups) + [f"{downs} 👎"] * bool(downs)
    return ", ".join(said) + (f" ({', '.join(reasons)})" if reasons else "")


def _readers(profile: Profile, lessons: Sequence[Lesson], person: str) -> Iterator[Item]:
    """People other than this one, without their names: a vote is nobody else's business."""
    others = sorted((lesson for lesson in lessons if lesson.by != person), key=lambda o: o.by)
    rows = [(by, list(votes)) for by, votes in groupby(others, key=lambda lesson: lesson.by)]
    for by, votes in sorted(rows, key=lambda row: -len(row[1]))[:_PEOPLE]:
        value = f"{profile.name} {reader_token(by)}"
        yield Item(
            title="A reader",
            small=(_counted(votes),),
            buttons=(_forget("forget-reader", "Forget", value),),
        )


def reader_token(person: str) -> str:
    """Names a person in a button without saying who it is."""
    return fingerprint(person)[:8]


def _what(use: VoteUse) -> str:
    if use.weight is VoteWeight.OFF:
        return "Votes change nothing in these digests, as set here; they are on the cards."
    return _WHAT if use.weight is VoteWeight.FULL else f"{_WHAT} As set here, they count half."


def _weigh(weight: VoteWeight, profile: str) -> Button:
    return Button(action=f"weigh-{weight}", label=_WEIGH[weight], value=profile)


def _forget(action: str, label: str, value: str) -> Button:
    return Button(action=action, label=label, value=value)


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
