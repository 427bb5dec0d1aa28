"""What people mean who do not type a command's own words; pure.

A first word that stands for a command (`remove`, `today`) is that command. A sentence ("please stop
sending these") is never carried out: it leads to an answer that offers what was probably meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from bot.arxiv import ids

_LONGEST: Final = 400  # characters of a sentence that are read


class Meaning(NamedTuple):
    """A command's word, or one of SAYINGS, and the words after it; `near` is set instead where a
    word is only close to a command's. There is neither for what is not understood."""

    word: str | None = None
    words: tuple[str, ...] = ()
    near: str = ""


# Answers to sentences, which no command stands for (commands.conversation).
SAYINGS: Final = (
    *("hello", "thanks", "offer-subscribe", "offer-stop", "offer-latest", "offer-new"),
    *("offer-weekly", "offer-resume", "edit", "delete", "weekly", "stop", "ask-why", "more"),
    "profile",
)

# Words in the place of a command's own, by the command (or saying).
_SYNONYMS: Final[Mapping[str, str]] = {
    "subscribe": "sub subs add join signup register",
    "unsubscribe": "unsub remove rm cancel end leave quit",
    "delete": "delete del erase",
    "stop": "stop off",
    "now": "today todays latest newest fetch post",
    "list": "settings setting subscriptions subscription ls config schedule schedules",
    "edit": "edit change configure modify update set reschedule",
    "profiles": "topics topic",
    "profile": "show open",
    "new": "create make",
    "pause": "mute snooze hold suspend",
    "resume": "unpause unmute restart continue",
    "preview": "try test look peek demo example",
    "weekly": "weekly",
    "more": "more",
    "history": "versions version changelog",
    "search": "find lookup",
    "undo": "revert rollback",
    "missed": "nearly almost",
    "saved": "save saves bookmark bookmarks kept",
    "best": "favourites favorites popular liked",
    "me": "myself mine privacy",
    "cost": "costs price prices budget spend spending money bill",
    "status": "health ping alive",
    "help": "? ?? h commands command usage man info about",
}
_COMMAND_OF: Final = {word: name for name, words in _SYNONYMS.items() for word in words.split()}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Commands whose words may be a sentence.
_ANY_WORDS: Final = _set("why search")
# What may stand around a command's arguments without changing them.
FILLERS: Final = _set(
    "please pls plz kindly me us this channel here from the a my our digest digests profile to of "
    "for papers"
)
_POLITE: Final = _set("please pls plz kindly thanks thx")
# Commands that take no words after them, and words that make a sentence of what begins like one.
_ALONE: Final = _set("list profiles status cost help hello thanks")
_SENTENCE: Final = _set(
    "what whats how can could you i we do does did is are was were it its these those that so "
    "much many sending when why want would like need get got all any again until while week weeks "
    "month if but not don't dont too there i'm im let latest newest new everything"
)

# Commands after which, and one of these words, anything may stand: a name like "Do Kim" makes no
# sentence of it, nor does `new`.
_FREELY: Final = {
    **dict.fromkeys(("follow", "unfollow"), _set("author term paper")),
    "token": _set("new end"),
}

# A sentence's meaning: the first pattern that is found in it.
_PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    (
        "thanks",
        r"^((ok|okay|great|nice|cool|perfect|awesome|super|lovely|wow|many|good|thats|that is) )*"
        r"(thanks|thank you|thankyou|thx|ty|cheers|danke|merci|gracias|great|nice|cool|perfect"
        r"|awesome|good bot|well done|love (it|this)|great (job|work)|good (job|work))\b",
    ),
    ("offer-weekly", r"\b(weekly|(once|one digest) (a|per|every) week|(every|each|per) week)\b"),
    (
        "offer-resume",
        r"\b(resume|restart|unpause|unmute|start (it |them |this )?again"
        r"|turn (it |them )?(back )?on)\b",
    ),
    (
        "offer-stop",
        r"\b(stop|unsubscribe|unsub|cancel|quit|opt out|turn (it |this |them )?off|shut up|no more"
        r"|get rid|too (many|much)|spam|pause|mute|snooze|remove|delete"
        r"|leave us|holidays?|vacation)\b",
    ),
    ("me", r"\b(forget me|my data|privacy)\b"),
    ("ask-why", r"\bwhy\b"),
    ("missed", r"\b(miss(ed)?|almost|nearly|near miss(es)?|runners? up)\b"),
    (
        "cost",
        r"\b(costs?|price|pricey|expensive|budget|money|spen[dt]|spending|tokens?|dollars?)\b",
    ),
    (
        "offer-new",
        r"\b(make|create|add|new|own|write|build|define)\b.*\b(profile|topic|interests?)\b",
    ),
    (
        "offer-latest",
        r"\b(today|todays|today s|latest|newest|this morning|right now|what s new|whats new)\b",
    ),
    (
        "list",
        r"\b(change|edit|adjust|configure|settings?|fewer|less|more papers|reschedule|move it"
        r"|time ?zone|different time|(earlier|later)\b|subscribed|subscriptions?|what time"
        r"|when (is|does|do|will)|next digest|schedule)\b",
    ),
    (
        "offer-subscribe",
        r"\b(subscri\w*|sub|sign (me |us )?up|join|send (me|us)|daily|every (morning|day)|digests?"
        r"|get started|start|set (it |this )?up|get (papers|digests?|updates)|interested in)\b",
    ),
    ("profiles", r"\b(profiles?|topics?)\b"),
    ("offer-latest", r"\b(new papers|papers|show me)\b"),
    ("status", r"\b(status|alive|working|broken|down|online|still there|asleep)\b"),
    (
        "help",
        r"\b(help|what (can|do|does|are|is)|who are|how (do|does|can|to)|commands?|usage|explain"
        r"|use (you|this))\b|^\?+$",
    ),
    (
        "hello",
        r"^(hi|hello|hey|hallo|hola|moin|yo|greetings|howdy|good (morning|afternoon|evening|day)"
        r"|salut|ciao|gruezi|servus)\b",
    ),
)
_COMPILED: Final = tuple((name, re.compile(pattern)) for name, pattern in _PATTERNS)


def meaning(text: str, commands: Collection[str]) -> Meaning:
    """What a text means that a person typed to us: a command with its words, or a saying.

    `commands` are the words of the commands. Never raises, whatever the text.
    """
    words = _trimmed(text.split())
    if words and words[0].lower() in ("/digest", "digest"):
        words = words[1:]
    if not words:
        return Meaning("" if "" in commands else "help")
    first = words[0].lower().lstrip("/")
    first = first if first == "?" else first.strip(".,:;!?") or first
    rest = tuple(words[1:])
    if first in _FREELY and rest and rest[0].lower() in _FREELY[first]:
        return Meaning(first, rest)
    if first == "why" and _is_sentence("why", rest) and not re.search(r"\d", text):
        return Meaning("ask-why")
    if first in SAYINGS and "-" in first:  # a button's
        return Meaning(first, rest)
    if first in _ANY_WORDS or (first in commands and not _is_sentence(first, rest)):
        return Meaning(first, rest)
    if first in _COMMAND_OF and not _is_sentence(_COMMAND_OF[first], rest):
        return Meaning(_COMMAND_OF[first], _without_fillers(rest))
    saying = _sentence(" ".join(words))
    if first in commands and (saying is None or saying.word == "why"):
        return Meaning(first, rest)
    if saying:
        return saying
    return Meaning(near=_near(first, commands))


def _trimmed(words: list[str]) -> list[str]:
    """Without politeness at either end, unless nothing else is left."""
    kept = list(words)
    while len(kept) > 1 and kept[-1].lower().strip(".,!?") in _POLITE:
        kept.pop()
    while len(kept) > 1 and kept[0].lower().strip(".,!?") in _POLITE - {"thanks", "thx"}:
        kept.pop(0)
    return kept


def _without_fillers(words: tuple[str, ...]) -> tuple[str, ...]:
    """A title in quotation marks is left whole."""
    if any(mark in word for word in words for mark in '"“”„'):
        return words
    return tuple(word for word in words if word.lower() not in FILLERS)


def _is_sentence(command: str, rest: tuple[str, ...]) -> bool:
    said = {word.lower().strip(".,:;!?") for word in rest}
    if command in _ALONE and said - FILLERS:
        return True
    return bool(said & _SENTENCE)


def _sentence(text: str) -> Meaning | None:
    """A whole sentence's meaning; one that names a paper asks about it."""
    if found := ids.find(text[:_LONGEST]):
        return Meaning("why", tuple(each.id for each in found[:2]))
    plain = " ".join(re.findall(r"[\w?']+", text[:_LONGEST].lower().replace("’", "'")))
    plain = plain.replace("'", " ")
    name = next((name for name, found in _COMPILED if found.search(plain)), None)
    if name is None:
        return None
    return Meaning(name, tuple(text.split()) if name in SAYINGS else ())


def _near(first: str, commands: Collection[str]) -> str:
    """The command that a mistyped word, or a mistyped synonym, is close to."""
    known = {word: word for word in commands if word} | _COMMAND_OF
    longer = [word for word in known if len(word) > 2]
    close = difflib.get_close_matches(first[:40], longer, 1, 0.7)
    # Of a short word, two letters the wrong way round count for more than difflib says.
    close = close or [word for word in longer if len(word) < 5 and sorted(word) == sorted(first)]
    near = known[close[0]] if close else ""
    return near if near in commands else ""
