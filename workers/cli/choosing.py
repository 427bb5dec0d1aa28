"""Asks at a terminal, once, which profile it shows: one that is there, or a drafted one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from rich.console import Console

from bot import logs
from bot.arxiv import ids
from bot.commands.naming import number_in
from bot.domain.draft import Draft
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.domain.tasks.task import Drafting, NamesakeChoice
from bot.errors import PaperboyError, Refused
from bot.profiles import form, library
from bot.profiles.given_work import parse_given
from bot.safe_text import safe
from bot.settings import Settings
from bot.store.store import Store
from bot.views import terminal as views
from bot.views.making import drafts
from workers import task_job
from workers.arxiv.client import ArxivClient
from workers.cli.screen import Screen, read_line
from workers.drafting.paid_model import DRAFTS, open_paid
from workers.embedding.embeddings import Embeddings

# A first digest waits for it: a model that takes longer is away.
_CALL_SECONDS: Final = 60.0


class Chooser:
    """Asks at one terminal; a draft by the model is paid for by `workspace` (a key)."""

    def __init__(self, store: Store, settings: Settings, screen: Screen, workspace: str) -> None:
        self._store, self._settings, self._screen = store, settings, screen
        self._workspace = workspace

    def choose(self, known: Mapping[str, Profile], default: str) -> str:
        """The name of a profile, asked for until there is one, and remembered; a drafted one is
        added to the installation's. At the end of input it is the `default`, and nothing is
        remembered."""
        self._screen.show(views.which_profile(list(known.values()), default))
        while True:
            try:
                typed = read_line("> ")
                name = _meant(typed, known, default) or self._added(typed, known)
            except EOFError:
                return default
            except PaperboyError as error:
                self._screen.show(Message(title="", text=(safe(str(error)),)))
                continue
            self._store.profiles.put_for_terminal(name)
            self._screen.show(views.profile_chosen(name))
            return name

    def _added(self, typed: str, known: Mapping[str, Profile]) -> str:
        """The name of a new profile, drafted from a sentence. Raises Refused and Unavailable."""
        given = parse_given(typed)
        assert given is not None, "an empty line means the default"
        if isinstance(given, Profile):
            profile = given
        else:
            asked = Drafting(text=given.text, library=given.library, author=given.author)
            draft = self._drafted(asked)
            self._screen.show(drafts.drafted_at_terminal(draft))
            profile = draft.profile
        name = form.free_name(profile.name, known)
        self._store.profiles.put_shared(profile.model_copy(update={"name": name}))
        return name

    def _drafted(self, drafting: Drafting) -> Draft:
        """By the model, where there is one and it answers. Where several people have a name, one of
        them is asked for. Raises EOFError where nobody answers."""
        config, store = self._settings, self._store
        rss, api = (a.get_secret_value() for a in (config.arxiv_rss_url, config.arxiv_api_url))
        embeddings = Embeddings(store.vectors) if config.meaning else None
        now = partial(datetime.now, UTC)
        paid = open_paid(config, store, now, self._workspace, DRAFTS, _CALL_SECONDS)
        with Console(stderr=True).status(views.drafting_profile()), logs.only_warnings(), paid as m:
            found = task_job.drafted(drafting, ArxivClient(rss, api, store.redis), embeddings, m)
        if found.draft:
            return found.draft
        return self._drafted(self._of_one_person(drafting, found.namesakes))

    def _of_one_person(self, drafting: Drafting, people: Sequence[NamesakeChoice]) -> Drafting:
        self._screen.show(drafts.which_author_by_number(drafting.author, people))
        while True:
            typed = read_line("> ")
            if 1 <= (number := number_in(typed) or 0) <= len(people):
                return drafting.model_copy(update={"chosen": people[number - 1].id})
            if not typed or typed == "0":
                text = drafting.text or drafting.author
                return drafting.model_copy(update={"text": text, "author": ""})
            self._screen.show(Message(title="", text=(drafts.no_such_person(len(people)),)))


def _meant(typed: str, known: Mapping[str, Profile], default: str) -> str:
    """A number of the list, or a name; empty where it is neither. Raises Refused for a number that
    the list has not, and for one word that is no profile's name."""
    names = list(known)
    if not typed:
        return default
    if typed.isdecimal():
        if 1 <= (number := number_in(typed) or 0) <= len(names):
            return names[number - 1]
        raise Refused(views.no_such_number(len(names)))
    if typed.lower() in names:
        return typed.lower()
    if len(typed.split()) == 1 and not ids.find(typed):
        return library.find(typed, known).name
    return ""
