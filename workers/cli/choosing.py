"""Asks at a terminal, once, which profile it shows: one that is there, or a drafted one."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from bot import logs
from bot.arxiv import ids
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.errors import PaperboyError, Refused
from bot.profiles import form, library
from bot.profiles.given_work import parse_given
from bot.safe_text import safe
from bot.settings import Settings
from bot.store.store import Store
from bot.views import terminal as views
from workers.arxiv.client import ArxivClient
from workers.cli.screen import Screen, read_line
from workers.drafting.drafter import draft_from
from workers.drafting.gather import gather
from workers.embedding.embeddings import Embeddings


def choose(
    known: Mapping[str, Profile], default: str, store: Store, settings: Settings, screen: Screen
) -> str:
    """The name of a profile, asked for until there is one, and remembered; a drafted one is added
    to the installation's. At the end of input it is the `default`, and nothing is remembered."""
    screen.show(views.which_profile(list(known.values()), default))
    while True:
        try:
            typed = read_line("> ")
        except EOFError:
            return default
        try:
            name = _meant(typed, known, default) or _drafted(typed, known, store, settings, screen)
        except PaperboyError as error:
            screen.show(Message(title="", text=(safe(str(error)),)))
            continue
        store.profiles.put_for_terminal(name)
        screen.show(views.profile_chosen(name))
        return name


def _meant(typed: str, known: Mapping[str, Profile], default: str) -> str:
    """A number of the list, or a name; empty where it is neither. Raises Refused for a number that
    the list has not, and for one word that is no profile's name."""
    names = list(known)
    if not typed:
        return default
    if typed.isdecimal():
        if 1 <= int(typed) <= len(names):
            return names[int(typed) - 1]
        raise Refused(views.no_such_number(len(names)))
    if typed.lower() in names:
        return typed.lower()
    if len(typed.split()) == 1 and not ids.find(typed):
        return library.find(typed, known).name
    return ""


def _drafted(
    typed: str, known: Mapping[str, Profile], store: Store, settings: Settings, screen: Screen
) -> str:
    """The name of a new profile, drafted from a sentence without a model's help. Raises Refused and
    Unavailable."""
    given = parse_given(typed)
    assert given is not None, "an empty line means the default"
    if isinstance(given, Profile):
        profile = given
    else:
        rss, api = (a.get_secret_value() for a in (settings.arxiv_rss_url, settings.arxiv_api_url))
        arxiv = ArxivClient(rss, api, store.redis)
        embeddings = Embeddings(store.vectors) if settings.meaning else None
        with Console(stderr=True).status(views.drafting_profile()), logs.only_warnings():
            profile = draft_from(gather(arxiv, given.text, given.library), embeddings).profile
    name = form.free_name(profile.name, known)
    store.profiles.put_shared(profile.model_copy(update={"name": name}))
    return name
