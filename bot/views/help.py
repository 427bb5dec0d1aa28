"""Help, and profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.arxiv.text import one_line, quoted
from bot.domain.message import Button, CommandLine, Item, Message
from bot.domain.papers import Profile, Topic
from bot.safe_text import escape_unprintable
from bot.views.digest import profile_line

_FIRST = (
    CommandLine(word="digest subscribe", does="get a digest in this channel every morning"),
    CommandLine(word="digest preview", does="look at a digest first; only you see it"),
    CommandLine(word="digest new", does="say what your group works on"),
    CommandLine(word="why", arguments="ID", does="why a paper was picked, or not"),
)
_MORE = (
    CommandLine(
        word="digest subscribe",
        arguments="PROFILE [at 09:00] [tz Europe/Berlin] [days mon-fri | weekly] [top 10]",
        does="subscribe this channel, or change its subscription",
    ),
    CommandLine(
        word="digest unsubscribe", arguments="[PROFILE]", does="end this channel's subscription"
    ),
    CommandLine(word="digest pause", arguments="[PROFILE]", does="stop digests for a while"),
    CommandLine(word="digest resume", arguments="[PROFILE]", does="restart them"),
    CommandLine(
        word="digest list",
        arguments="[apart | together]",
        does="this channel's subscriptions, to edit or end them",
    ),
    CommandLine(
        word="digest now", arguments="PROFILE [top 8]", does="post the latest digest here now"
    ),
    CommandLine(
        word="digest preview", arguments="PROFILE [top 8]", does="the same, only for you to see"
    ),
    CommandLine(
        word="digest preview",
        arguments="PROFILE last 5",
        does="what it would have brought on the last five days",
    ),
    CommandLine(word="digest profiles", does="all profiles, to try, edit, copy or delete them"),
    CommandLine(word="digest new", arguments="[PROFILE]", does="make a profile, or change one"),
    CommandLine(
        word="digest history",
        arguments="[PROFILE]",
        does="a profile's versions: who changed what, and how to go back",
    ),
    CommandLine(word="digest undo", arguments="[PROFILE]", does="take back its last change"),
    CommandLine(
        word="digest missed", arguments="[PROFILE]", does="papers that nearly made the last digest"
    ),
    CommandLine(
        word="digest search",
        arguments="WORDS",
        does="papers of all digests, posted or not, by words and meaning",
    ),
    CommandLine(
        word="digest taught",
        arguments="[PROFILE | forget mine|all|ID | weigh off|some|full]",
        does="what your votes taught, to see it, weigh it or forget it",
    ),
    CommandLine(
        word="digest follow",
        arguments="author NAME | term WORDS | ID",
        does="be told of new papers, or of a paper's new versions",
    ),
    CommandLine(word="digest follows", does="what you follow, to end it"),
    CommandLine(
        word="digest unfollow",
        arguments="NAME | WORDS | ID | all",
        does="no longer be told of it",
    ),
    CommandLine(
        word="digest best",
        arguments="[30 | fridays | off]",
        does="what was liked, discussed and saved most in these days",
    ),
    CommandLine(
        word="digest saved",
        arguments="[shared | bibtex | ris | csl | zotero]",
        does="the papers you saved, those that others share here, a file of yours, Zotero",
    ),
    CommandLine(
        word="digest me", arguments="[forget]", does="all you left here, and having it forgotten"
    ),
    CommandLine(
        word="digest token",
        arguments="[new | end ID|all]",
        does="tokens by which programs and assistants of yours read what you may read",
    ),
    CommandLine(word="why", arguments="ID", does="why a paper was picked, or not"),
    CommandLine(word="digest cost", does="what scoring costs, and the limits"),
    CommandLine(
        word="digest gate",
        arguments="[PROFILE]",
        does="what the gate spares the model, and what it misses",
    ),
    CommandLine(word="digest status", does="whether everything works"),
)
WHAT_IT_DOES = "Paperboy posts the arXiv papers your group works on, every morning."
TRY = Button(action="profiles", label="Try a profile")
MAKE = Button(action="new", label="Make a profile")
START = (Button(action="subscribe", label="Subscribe"), TRY, MAKE)


def help_text(greeting: str = "") -> Message:
    """What most people need, with buttons; the rest is under More."""
    return Message(
        title=f"{greeting} {WHAT_IT_DOES}".strip(),
        commands=_FIRST,
        buttons=(*START, Button(action="more", label="More")),
    )


def all_commands() -> Message:
    """Every command with its arguments."""
    return Message(
        title="All commands",
        commands=_MORE,
        small=(
            "A profile is named by its name or its title. Times, days and zones are read as "
            "people write them.",
        ),
    )


def unknown_command(word: str, near: str | None) -> str:
    """One sentence for a word that is no command, or for a sentence that is not understood."""
    if near:
        return f'There is no command "{one_line(word)[:40]}"; did you mean /digest {near}?'
    if " " in word:
        return f"Paperboy doesn't understand {quoted(word)}. What it can do: /digest help."
    return f'There is no command "{one_line(word)[:40]}". What Paperboy can do: /digest help.'


def same_title(names: Iterable[str]) -> str:
    return f"Several profiles have this title; name one of them: {', '.join(names)}."


def one_moment() -> Message:
    return Message(title="One moment.")


def unknown_button() -> str:
    return "That button is from another version of Paperboy. To see what works: /digest help."


def needs_profile(known: Iterable[str]) -> str:
    return f"Name a profile: /digest now PROFILE. The profiles are {', '.join(known)}."


def coming(profile: Profile) -> Message:
    return Message(title=f"Getting the latest digest of {profile.title}.")


def profiles_text(known: Mapping[str, Profile]) -> Message:
    return Message(title="Profiles", text=tuple(map(profile_line, known.values())))


def profile_text(profile: Profile) -> Message:
    """A profile in full."""
    cutoffs, words = profile.cutoffs, profile.keywords
    listed = {
        "Look for": words.relevant,
        "Avoid": words.irrelevant,
        "Application": words.application,
        "Follow": profile.authors.follow,
        "More like": tuple(one_line(each.title) for each in profile.examples),
    }
    rows = {
        "Categories": ", ".join(profile.categories)
        + ("" if profile.cross_lists else ", no cross-lists"),
        "Cut-offs": f"relevance {cutoffs.relevance}, novelty {cutoffs.novelty}; "
        f"at most {profile.maximum} papers",
    } | {label: ", ".join(found) for label, found in listed.items() if found}
    return Message(
        title=profile_line(profile),
        points=tuple(escape_unprintable(f"{label}: {text}") for label, text in rows.items()),
        items=tuple(map(_topic, profile.topics)),
    )


def _topic(topic: Topic) -> Item:
    outside = (escape_unprintable(f"Not: {topic.irrelevant}"),) if topic.irrelevant else ()
    return Item(
        title=escape_unprintable(topic.name),
        text=(escape_unprintable(topic.relevant),),
        small=outside,
    )


def which_profile(command: str, here: Sequence[str]) -> str:
    """Where a command names no profile, and the channel has none or several."""
    names = ", ".join(map(one_line, here))
    return f"Name a profile: /digest {command} PROFILE.{f' Here: {names}.' if names else ''}"
