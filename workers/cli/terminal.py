"""The terminal as a channel: a first digest, then its papers by number and commands at a prompt."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime

from rich.console import Console

from bot.commands import context, dispatch, papers, search
from bot.commands.context import Invocation
from bot.domain.digest import Decision, Digest, ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.request import DigestRequest
from bot.errors import PaperboyError, Refused
from bot.profiles import library
from bot.settings import Settings
from bot.views import terminal as views
from workers import search_job
from workers.cli import choosing, rank
from workers.cli.names import FIRST_PROFILE, TERMINAL_ADDRESS
from workers.cli.progress import DeliveredDigest, wait_for_digest, wait_for_lookup
from workers.cli.screen import Screen, read_line
from workers.runtime.environment import Environment, context_for, with_private_workers

# Narrow: it picks a few of the sample's papers, which are all on the foundations of machine
# learning.
_SAMPLE_PROFILE = "compression"
# Papers that `m` adds to the list.
_MORE = 10


def run(settings: Settings, profile: str | None = None) -> int:
    """Show a first digest, of `profile` (a name or a TOML file) if there is one, then a prompt
    where there is a terminal; returns the exit status. Raises Refused."""
    with with_private_workers(settings) as here:
        channel = _Terminal(here, settings)
        try:
            channel.first(channel.remembered(profile))
            if channel.is_interactive:
                channel.talk()
            else:
                channel.screen.show(Message(title=""), views.next_steps(channel.judge))
        except KeyboardInterrupt:
            return 130
    return 0


class _Terminal:
    """One person, one channel."""

    def __init__(self, here: Environment, settings: Settings) -> None:
        self.environment, self.settings = here, settings
        self.judge = Judge(model=settings.judge_model)
        self.screen = Screen()
        self.is_interactive = sys.stdin.isatty() and self.screen.is_terminal
        self.profiles = library.shipped() | here.store.profiles.shared()
        self.context = context_for(here, settings)
        # The digest on the screen, and its papers by number: those posted, then what `m` showed.
        self.digest: Digest | None = None
        self.numbered: list[Decision] = []
        self.opened = 0

    def remembered(self, name: str | None) -> str | None:
        """The profile to show: where somebody sits at the terminal, the one that is named or was
        chosen before, or else is chosen now; elsewhere only one that is named."""
        if not self.is_interactive:
            return name
        kept, store = self.environment.store.profiles, self.environment.store
        if name is None:
            if (before := kept.for_terminal()) in self.profiles:
                return before
            payer = TERMINAL_ADDRESS.workspace_key
            chooser = choosing.Chooser(store, self.settings, self.screen, payer)
            name = chooser.choose(self.profiles, FIRST_PROFILE)
            self.profiles = library.shipped() | kept.shared()
        elif name in self.profiles:
            kept.put_for_terminal(name)
        return name

    def first(self, name: str | None) -> None:
        """Show a profile's newest day, or the sample where arXiv cannot be reached."""
        profile = library.resolve(name or FIRST_PROFILE, self.profiles)
        invocation = Invocation("", TERMINAL_ADDRESS, datetime.now(UTC))
        arrived = self.wait(context.newest_day_request(profile, invocation, self.context))
        problem = arrived.digest.listed.problem
        if problem and not arrived.digest.decisions:
            self.say(
                views.sample_instead(
                    problem, profile if name not in (None, FIRST_PROFILE) else None
                )
            )
            arrived = self.wait(self.sample())
        self.show_digest(arrived.digest)

    def sample(self) -> DigestRequest:
        # All of the sample is shown, also outside the profile's categories.
        profile = self.profiles[_SAMPLE_PROFILE].model_copy(update={"categories": ("cs",)})
        return DigestRequest(
            profile=self.environment.store.profiles.put(profile),
            wanted=ListQuery(source=Source.SAMPLE, categories=profile.categories),
            judge=self.judge,
            address=TERMINAL_ADDRESS,
            since=datetime.now(UTC),
        )

    def wait(self, request: DigestRequest) -> DeliveredDigest:
        """Wait for a request, stored meanwhile: should this command die, a bot on the same server
        fulfils it."""
        self.environment.store.requests.put(request)
        try:
            return wait_for_digest(request, self.environment, Console(stderr=True))
        finally:
            self.environment.store.requests.drop(request)

    def talk(self) -> None:
        """Do what is typed until the end of input."""
        while True:
            try:
                typed = read_line("\npaperboy> ")
            except EOFError:
                return
            if typed.lower() in ("q", "quit", "exit", "/quit"):
                return
            try:
                self.do(typed)
            except PaperboyError as error:
                self.say(Message(title=str(error)))
            except KeyboardInterrupt:
                self.say(views.interrupted())

    def do(self, typed: str) -> None:
        """A paper's number, `m`, nothing for the list, or a command. Raises Refused."""
        if not typed and self.digest:
            self.show_digest(self.digest)
        elif typed.lower() in ("m", "more") and self.digest:
            self.show_more(self.digest)
        elif re.fullmatch(r"\d{1,4}", typed) and self.digest:
            self.open(self.digest, int(typed))
        elif named := re.fullmatch(r"/?why( \d{1,4})?", typed, re.IGNORECASE):
            number = int(named[1] or self.opened)
            self.run_command(f"why {self.paper(number).paper.id}" if number else typed)
        else:
            self.run_command(typed)

    def show_digest(self, digest: Digest) -> None:
        """Its list, to choose from; all of it where nobody can choose."""
        self.digest, self.numbered, self.opened = digest, list(digest.posted), 0
        if self.is_interactive:
            self.screen.show(Message(title=""))
            hint = views.hint(digest, len(self.numbered))
            self.screen.show_list(views.overview(digest), hint)
        else:
            self.screen.show(Message(title=""))
            self.screen.show_day(digest, "")

    def show_more(self, digest: Digest) -> None:
        """The next papers that nearly made it, numbered on."""
        begin = len(self.numbered)
        page = views.nearest(digest)[begin - len(digest.posted) :][:_MORE]
        if not page:
            self.say(Message(title=views.no_more()))
            return
        self.numbered += page
        self.screen.show(Message(title=""))
        hint = views.hint(digest, len(self.numbered))
        self.screen.show_list(views.near_misses(digest, begin + 1, page), hint)

    def open(self, digest: Digest, number: int) -> None:
        self.say(views.opened(digest, number, self.paper(number)))
        self.opened = number
        self.screen.show(Message(title="", text=(views.PAPER_HINT,)))

    def paper(self, number: int) -> Decision:
        """Raises Refused for a number that is not on the screen."""
        if not 1 <= number <= len(self.numbered):
            raise Refused(views.number_unknown(number, len(self.numbered)))
        return self.numbered[number - 1]

    def run_command(self, typed: str) -> None:
        invocation = Invocation(typed, TERMINAL_ADDRESS, datetime.now(UTC))
        answer = dispatch.answer(invocation, self.context)
        if answer.head:
            self.say(answer.head)
        if answer.lookup:
            wait_for_lookup(
                answer.lookup, self.context.lookups, self.environment, Console(stderr=True)
            )
            result = papers.lookup_result(invocation, self.context, answer.lookup)
            assert result is not None, "the lookup was answered"
            assert result.head is not None, "a lookup's answer has a message"
            self.say(result.head)
        if answer.task and answer.task.search:
            store = self.environment.store
            embeddings = rank.embeddings_of(self.environment) if self.settings.meaning else None
            found = search_job.run(answer.task.search, store, embeddings)
            told = search.found(invocation, self.context, answer.task.search, found)
            assert told.head is not None, "a search has an answer"
            self.say(told.head)
        if answer.request:
            arrived = self.wait(answer.request)
            if arrived.already_delivered:
                self.say(views.delivered_again())
            self.show_digest(arrived.digest)

    def say(self, message: Message) -> None:
        self.screen.show(Message(title=""), message)
