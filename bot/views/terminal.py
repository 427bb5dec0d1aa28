"""What a terminal says around a digest, and the digest there: a list, its papers by number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.arxiv.text import one_line, quoted, readable
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.judge import Judge
from bot.domain.message import CommandLine, Link, Message, PaperLine
from bot.domain.papers import Problem, Profile
from bot.safe_text import escape_unprintable
from bot.views import card as card_views
from bot.views import digest as digest_views
from bot.views.card import pdf_url
from bot.views.reasons import REASON_TEXTS


def overview(digest: Digest) -> Message:
    """The parent message as a list to choose from: each paper with its sentence."""
    head = digest_views.head(digest)
    lines = tuple(_line(digest, n, d) for n, d in enumerate(digest.picked, 1))
    text = tuple(f"{said}{_what_the_numbers_are(lines)}" for said in head.text)
    others = head.others
    if others:
        below = (_line(digest, n, d) for n, d in enumerate(digest.stand_ins, len(lines) + 1))
        others = others.model_copy(update={"lines": tuple(below)})
    changed = {"lines": lines, "others": others, "text": text, "details": ()}
    return head.model_copy(update=changed)


def near_misses(digest: Digest, first: int, decisions: Sequence[Decision]) -> Message:
    """Papers that nearly made it, numbered from `first` on."""
    cutoffs = digest.profile.cutoffs
    lines = tuple(_line(digest, n, d) for n, d in enumerate(decisions, first))
    needed = f"relevance {cutoffs.relevance}"
    if any(line.novelty for line in lines):
        needed += f" and novelty {cutoffs.novelty}"
    text = f"At most {digest.profile.maximum} are picked, from {needed} on"
    return Message(title="Nearly made it", text=(text,), lines=lines)


def nearest(digest: Digest) -> list[Decision]:
    """The papers that `m` shows, page by page: those with a score that are not picked, the nearest
    first."""
    return [
        decision
        for outcome in digest_views.NEAR
        for decision in digest.decisions
        if decision.outcome is outcome and decision.score
    ]


def _line(digest: Digest, number: int, decision: Decision) -> PaperLine:
    return digest_views.paper_line(number, decision, card_views.sentence(digest, decision))


def _what_the_numbers_are(lines: Sequence[PaperLine]) -> str:
    if not lines:
        return ""
    return " · relevance/novelty" if any(line.novelty for line in lines) else " · relevance"


def opened(digest: Digest, number: int, decision: Decision) -> Message:
    """One paper in full: why it is there, who wrote it, the abstract and the addresses."""
    paper, score = decision.paper, decision.score
    scores = [f"relevance {score.relevance}"] if score else []
    scores += [f"novelty {score.novelty}"] if score and score.novelty is not None else []
    scores.append(card_views.announced_as(decision.announced, digest.date))
    reason = digest_views.outcome_reason(digest, decision)
    match decision.outcome:
        case Outcome.PICKED:
            reason = ""
        case Outcome.UNSCORED:
            reason = f"{reason[:1].upper()}{reason[1:]}."
        case _:
            reason = f"Not picked: {reason}."
    shows = readable(score.shows) if score else ""
    authors = card_views.author_line(paper, decision.followed)
    said = (shows, card_views.comment(digest, decision), reason, " · ".join(scores), authors)
    return Message(
        title="",
        paper=Link(label=f"{number}. {readable(paper.title)}", url=paper.url),
        text=(*filter(None, said), "", readable(paper.abstract), "", paper.url, pdf_url(paper)),
    )


def hint(digest: Digest | None, numbers: int) -> str:
    """What can be typed below a list of so many papers."""
    some = f"{'1' if numbers == 1 else f'1-{numbers}'} opens one · " if numbers else ""
    more = "m more · " if digest and nearest(digest) else ""
    return f"{some}{more}why ID · now PROFILE · ? help"


# What can be typed below one paper.
PAPER_HINT = "Enter the list again · why · ? help"


def day_hint(profile: str) -> str:
    """What can be typed after `paperboy day PROFILE`."""
    return f"paperboy why ID · paperboy run {one_line(profile)} opens papers by number"


def prompt_help(judge: Judge) -> Message:
    """What can be typed at the prompt, and what else there is."""
    return Message(
        title="At this prompt",
        commands=(
            CommandLine(word="3", does="opens number 3 of the list; Enter shows the list again"),
            CommandLine(word="m", does="more: papers that nearly made it, numbered on"),
            CommandLine(word="why", arguments="3", does="why a paper is picked, or not"),
            CommandLine(word="why", arguments="ID", does="the same of any paper at arXiv"),
            CommandLine(word="now", arguments="PROFILE", does="the latest digest of a profile"),
            CommandLine(word="profiles", does="all profiles"),
            CommandLine(word="list", does="the digests you had here"),
            CommandLine(word="status", does="whether everything works"),
            CommandLine(word="cost", does="what scoring costs, and the limits"),
            CommandLine(word="quit", does="ends it"),
        ),
        small=next_steps(judge).text,
    )


def number_unknown(number: int, numbers: int) -> str:
    return f"There is no number {number}; the list has {digest_views.count(numbers, 'paper')}."


def no_more() -> str:
    return "That was all that has a score."


def interrupted() -> Message:
    return Message(title="Stopped waiting. The work goes on; ask again to see the result.")


def delivered_again() -> Message:
    return Message(title="Already posted here; this is it again.")


def run_serves_chats(profile: str) -> str:
    return (
        "With a Slack or Discord token, run serves the chats and takes no profile. To see a digest "
        f"here: paperboy day {one_line(profile)}."
    )


def sample_instead(why: Problem, asked: Profile | None) -> Message:
    """What comes before the sample; `asked` is a profile that somebody named."""
    said = (why.detail or REASON_TEXTS[why.trouble]).rstrip(".")
    about = f"It is on machine learning, not for {one_line(asked.name)}." if asked else ""
    return Message(
        title=f"{said}. Showing the sample that ships with Paperboy.", text=(about,) * bool(about)
    )


def which_profile(known: Sequence[Profile], default: str) -> Message:
    """Asked once: which profile this terminal shows."""
    rows = (
        f"{n}  {escape_unprintable(digest_views.profile_line(each))}"
        for n, each in enumerate(known, 1)
    )
    return Message(
        title="What do you work on?",
        text=(
            "Type a sentence or two, or arXiv ids of papers you like: a profile is drafted from "
            "them. Or choose one of these by its number:",
            *rows,
        ),
        small=(f"Enter takes {default}. It is remembered.",),
    )


def profile_chosen(name: str) -> Message:
    return Message(
        title="",
        text=(f"This terminal shows {name} from now on.",),
        commands=(
            CommandLine(word="make run PROFILE=NAME", does="another one"),
            CommandLine(
                word=f"paperboy profiles show {name} --toml > {name}.toml", does="a file to change"
            ),
            CommandLine(word=f"paperboy profiles import {name}.toml", does="the change"),
        ),
    )


def no_such_number(count: int) -> str:
    return f"Type a number from 1 to {count}, a name, or a sentence about your work."


def drafting_profile() -> str:
    return "Drafting a profile"


def next_steps(judge: Judge) -> Message:
    """What to set up after the first digest."""
    rows = []
    if judge.model is None:
        rows.append(
            "Set OPENAI_API_KEY to have a model score relevance and novelty, with comments."
        )
    rows.append(
        "Set SLACK_BOT_TOKEN and SLACK_APP_TOKEN to post to Slack, DISCORD_TOKEN for Discord."
    )
    rows.append(
        "Put settings into the environment or a .env file here; docs/settings.md lists them all."
    )
    return Message(title="What next", text=tuple(rows))


def server_lost(error: str) -> str:
    return f"The database went away ({error}). Finished work is kept; try again when it is back."


def worker_fault(step: str) -> str:
    return f"The step {step} failed: an error in Paperboy; the workers' log has the details."


_QUESTIONS = {
    "look_for": (
        "What does your group work on? One topic a line, such as Compression: pruning, "
        "quantization. An empty line ends."
    ),
    "leave_out": (
        "What looks like it and should be left out? One a line; a topic's name before a colon "
        "says of which. An empty line ends."
    ),
    "categories": "Which arXiv categories? By code or name, with commas between them.",
    "title": "What is the heading of its digests?",
}


def profile_question(field: str, default: str) -> Message:
    """One of the four questions of `paperboy profiles new`."""
    enter = (f"Enter takes {default}.",) if default else ()
    return Message(title="", text=(_QUESTIONS[field], *enter))


def not_answered() -> str:
    return (
        "The questions were not answered to the end, so nothing was made. A description will do, "
        'too: paperboy profiles new "Pruning and quantization of language models".'
    )


def no_category_is_clear() -> str:
    return (
        "It isn't clear which arXiv categories this is about. Name them: "
        "--categories cs.LG, or by name: --categories Robotics."
    )


def categories_guessed(profile: Profile) -> str:
    """Said where nobody was asked."""
    return (
        f"Guessed from the description: {', '.join(profile.categories)}. "
        "To name others: --categories."
    )


def name_taken(name: str) -> str:
    return f"There is already a profile called {name}; choose another title."


def after_new_profile(profile: Profile) -> Message:
    name = profile.name
    return Message(
        title="",
        commands=(
            CommandLine(word=f"paperboy day {name}", does="its digest of today"),
            CommandLine(
                word=f"paperboy profiles show {name} --toml > {name}.toml", does="a file to change"
            ),
            CommandLine(word=f"paperboy profiles import {name}.toml", does="the change"),
        ),
    )


def published(profiles: int, digests: int, written: int, folder: Path) -> Message:
    count = digest_views.count
    what = f"{count(digests, 'digest')} of {count(profiles, 'profile')}"
    return Message(title=f"{folder} has {what}; {count(written, 'file')} new or changed.")


def nothing_to_publish(names: Sequence[str]) -> str:
    return (
        f"There is no digest to publish yet, of {', '.join(names)}. A workspace's own profiles are "
        "published where they are named: paperboy publish DIR slack:T0123/NAME."
    )


def not_our_folder(folder: Path) -> str:
    return (
        f"{folder} has files that Paperboy didn't write; name an empty folder, or one that "
        "it has published to."
    )


def index_unreadable(index: Path) -> str:
    return f"{index} can't be read; delete it to begin its profile anew, from what is stored."


def no_address(address: str) -> str:
    return f"{quoted(address)} is no web address; name one like https://papers.example.org/."
