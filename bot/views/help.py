"""What the bot says besides digests: help, lists, status, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.arxiv.text import one_line
from bot.domain.digest import Digest, Judge
from bot.domain.message import Message
from bot.domain.papers import Problem, Profile
from bot.safe_text import escape_unprintable
from bot.views.dates import long_date
from bot.views.digest import profile_line
from bot.views.reasons import REASON_TEXTS

_COMMANDS = {
    "subscribe": "/digest subscribe PROFILE [at 09:00] [tz Europe/Berlin] [days mon-fri] [top 10] "
    "— a digest for this channel",
    "unsubscribe": "/digest unsubscribe PROFILE — no more of it",
    "pause": "/digest pause, resume [PROFILE] — for a while",
    "list": "/digest list — this channel's digests",
    "now": "/digest now PROFILE — the newest day's digest, here and at once",
    "profiles": "/digest profiles — the profiles there are",
    "new": "/digest new — make a profile of your own; new PROFILE changes one",
    "missed": "/digest missed [PROFILE] — what nearly made it on the last day",
    "why": "/why ID — what became of a paper, and why",
    "cost": "/digest cost — what judging cost, and what it may",
    "status": "/digest status — how things stand",
    "help": "/digest help — this",
}


def help_text() -> Message:
    """Every command there is."""
    return Message(
        title="Paperboy delivers the arXiv papers your group works on.",
        text=tuple(_COMMANDS.values()),
    )


def unknown_command(word: str, near: str | None) -> str:
    """One sentence for a word that is no command."""
    word = one_line(word)[:40]
    if near:
        return f'There is no command "{word}"; did you mean /digest {near}?'
    return f'There is no command "{word}"; there are {", ".join(_COMMANDS)}.'


def unknown_button() -> str:
    return "That button is of another version of Paperboy; /digest help says what there is."


def needs_profile(known: Iterable[str]) -> str:
    return f"Say which profile: /digest now PROFILE, one of {', '.join(known)}."


def coming(profile: Profile) -> Message:
    return Message(title=f"One moment: the newest day of {profile.title}.")


def delivered_again() -> Message:
    return Message(title="Delivered before; here it is again.")


def interrupted() -> Message:
    return Message(
        title="Stopped waiting; what is under way goes on, and is there when asked again."
    )


def sample_instead(why: Problem) -> Message:
    """One line before the sample."""
    said = (why.detail or REASON_TEXTS[why.trouble]).rstrip(".")
    return Message(title=f"{said}: here is the sample that ships with Paperboy.")


def server_lost(error: str) -> str:
    return f"The server went away ({error}); what was done is kept, ask again when it is back."


def worker_fault(step: str) -> str:
    return f"The workers could not do {step}: a fault in Paperboy, which their log describes."


def profiles_text(known: Mapping[str, Profile]) -> Message:
    return Message(title="Profiles", text=tuple(map(profile_line, known.values())))


def profile_text(profile: Profile) -> Message:
    """All that a profile says."""
    cutoffs, words = profile.cutoffs, profile.keywords
    rows = [
        f"categories: {', '.join(profile.categories)}"
        + ("" if profile.cross_lists else ", no cross-lists"),
        f"cut-offs: relevance {cutoffs.relevance}, novelty {cutoffs.novelty}; "
        f"at most {profile.maximum} papers",
    ]
    for topic in profile.topics:
        outside = f" Not: {topic.irrelevant}" if topic.irrelevant else ""
        rows.append(f"{topic.name}: {topic.relevant}{outside}")
    listed = {
        "look for": words.relevant,
        "avoid": words.irrelevant,
        "application": words.application,
        "follow": profile.authors.follow,
    }
    rows += [f"{label}: {', '.join(found)}" for label, found in listed.items() if found]
    return Message(title=profile_line(profile), text=tuple(map(escape_unprintable, rows)))


def delivered_text(digests: Iterable[Digest]) -> Message:
    """This channel's deliveries, the newest last."""
    rows = tuple(
        f"{digest.profile.name} — {long_date(digest.date)}: "
        f"{len(digest.picked)} of {len(digest.decisions)} papers"
        for digest in digests
    )
    return Message(
        title="No subscription here: this channel gets a digest when somebody asks for it.",
        text=rows or ("Nothing has been delivered here yet; try /digest now PROFILE.",),
    )


def next_steps(judge: Judge) -> Message:
    """What to do after the first digest."""
    rows = []
    if judge.model is None:
        rows.append("OPENAI_API_KEY=... makes a model judge relevance and novelty, with comments.")
    rows.append("SLACK_BOT_TOKEN and SLACK_APP_TOKEN serve your Slack, DISCORD_TOKEN your Discord.")
    rows.append(
        "Settings come from the environment or a .env file here; docs/settings.md has them all."
    )
    return Message(title="What next", text=tuple(rows))
