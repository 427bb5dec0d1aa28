"""What people name: profiles by name or title, in quotation marks or without, papers, pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import Context, Invocation
from bot.commands.typed.phrases import FILLERS
from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles import library
from bot.views import help

_LONGEST: Final = 1_000  # characters of a command's words
_DIGITS: Final = 9
_QUOTES: Final = str.maketrans(dict.fromkeys("“”„«»″", '"'))


def number_in(text: str) -> int | None:
    """A number of at most nine digits; None for any other text. int() takes digits of any script,
    and fails on thousands of them."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if is_number else None


def page_number(words: Sequence[str]) -> int | None:
    """The number of a page, 1 without words; None for other words."""
    if not words:
        return 1
    return number_in(words[0]) if len(words) == 1 else None


def with_names(words: Sequence[str], profiles: Mapping[str, Profile]) -> list[str]:
    """A command's words with every title replaced by its profile's name, and without the words
    that people put around a name ("subscribe us to ...").

    Raises Refused for a title that several profiles have, and for a quoted one that none has.
    """
    text = " ".join(words)[:_LONGEST].translate(_QUOTES)
    titles: dict[str, list[str]] = {}
    for profile in profiles.values():
        titles.setdefault(_folded(profile.title), []).append(profile.name)
    for title in sorted(titles, key=len, reverse=True):
        pattern = rf'(?<!\w)"?{re.escape(title)}"?(?!\w)'
        if re.search(pattern, text, re.IGNORECASE) and title not in profiles:
            if len(titles[title]) > 1:
                raise Refused(help.same_title(titles[title]))
            text = re.sub(pattern, titles[title][0], text, flags=re.IGNORECASE)
    for quoted in re.findall(r'"([^"]+)"', text):
        profile = library.find(quoted, profiles)
        text = text.replace(f'"{quoted}"', profile.name)
    named = text.replace('"', " ").split()
    if any(word.lower() in profiles for word in named) or all(w.lower() in FILLERS for w in named):
        named = [word for word in named if word.lower() not in FILLERS or word.lower() in profiles]
    return named


def profile_meant(
    words: Sequence[str], invocation: Invocation, context: Context, command: str
) -> Profile:
    """The profile that a command's words name, or the channel's only one where they name none.
    Raises Refused."""
    place = invocation.address
    if words:
        return context.find_profile(" ".join(with_names(words, context.profiles(place))), place)
    here = [each.profile for each in context.store.subscriptions.of(place)]
    if len(here) != 1:
        raise Refused(help.which_profile(command, here))
    return context.find_profile(here[0], place)


def mentioned(words: Sequence[str], profiles: Mapping[str, Profile]) -> Profile | None:
    """The profile that a sentence is most likely about, by words of its name and title; None when
    it is about none, or about several alike."""
    said = _stems(" ".join(words)[:_LONGEST])
    scores = {
        name: len(said & _stems(f"{name} {profile.title}")) for name, profile in profiles.items()
    }
    best = max(scores.values(), default=0)
    found = [name for name, score in scores.items() if score == best]
    return profiles[found[0]] if best and len(found) == 1 else None


def _stems(text: str) -> set[str]:
    """Short words tell nothing; a plural is its singular."""
    words = re.findall(r"\w+", text.lower())
    return {word.removesuffix("s") for word in words if len(word) > 3 and word not in FILLERS}


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def paper_named(context: Context, invocation: Invocation, named: str) -> Paper | None:
    """A paper, named by `DAY ID` or `ID`: of that digest, of the one that brought it here, of the
    last weeks' lists, or one that somebody asked about."""
    day, _, id = named.rpartition(" ")
    day = day or context.store.shown_papers.day_that_brought(invocation.address, id) or ""
    digest = context.store.history.digest_given_to(invocation.address, day) if day else None
    if decision := digest and digest.decision_for(id):
        return decision.paper
    if announced := context.lookups.latest_announcement(id, invocation.at):
        return announced[1].paper
    answer = context.lookups.arxiv_answer(id)
    return answer.paper if answer else None
