"""The terminal as a channel: a first digest, then the chat commands at a prompt."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from rich.console import Console

from bot.commands import context, dispatch, papers
from bot.commands.context import Invocation
from bot.domain.digest import Judge, ListQuery, Source
from bot.domain.message import Message, Post
from bot.domain.request import Address, DigestRequest
from bot.errors import PaperboyError
from bot.profiles import library
from bot.settings import Settings
from bot.store.outbox import TerminalPosts
from bot.terminal import render
from bot.views import help
from workers.cli.progress import DeliveredDigest, wait_for_digest, wait_for_lookup
from workers.runtime.environment import Environment, context_for, with_private_workers

TERMINAL_ADDRESS = Address(platform="terminal", channel="main")
FIRST_PROFILE = "foundations"
# Narrow: it picks a few of the sample's papers, which are all on the foundations of machine
# learning.
_SAMPLE_PROFILE = "compression"


def run(settings: Settings, profile: str | None = None) -> int:
    """Show a first digest, of `profile` (a name or a TOML file) if there is one, then a prompt
    where there is a terminal; returns the exit status. Raises Refused."""
    with with_private_workers(settings) as here:
        channel = _Terminal(here, settings)
        try:
            channel.first(profile or FIRST_PROFILE)
            channel.show(help.next_steps(channel.judge))
            if sys.stdin.isatty() and channel.out.is_terminal:
                channel.show(help.help_text())
                channel.talk()
        except KeyboardInterrupt:
            return 130
    return 0


class _Terminal:
    """One person, one channel."""

    def __init__(self, here: Environment, settings: Settings) -> None:
        self.environment = here
        self.judge = Judge(model=settings.judge_model)
        self.out = Console(highlight=False, emoji=False, markup=False)
        self.out.width = render.width(self.out.width)
        self.profiles = library.shipped() | here.store.profiles.shared()
        self.context = context_for(here, settings)

    def first(self, name: str) -> None:
        """Show a profile's newest day, or the sample where arXiv cannot be reached."""
        profile = library.resolve(name, self.profiles)
        invocation = Invocation("", TERMINAL_ADDRESS, datetime.now(UTC))
        arrived = self.wait(context.newest_day_request(profile, invocation, self.context))
        problem = arrived.digest.listed.problem
        if problem and not arrived.digest.decisions:
            self.show(help.sample_instead(problem))
            arrived = self.wait(self.sample())
        self.show(*TerminalPosts(self.environment.store).posts(arrived.name))

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
        """Run typed commands until the end of input."""
        while True:
            try:
                typed = input("\npaperboy> ").strip()
            except EOFError:
                return
            if typed in ("quit", "exit", "/quit"):
                return
            try:
                self.run_command(typed)
            except PaperboyError as error:
                self.show(Message(title=str(error)))
            except KeyboardInterrupt:
                self.show(help.interrupted())

    def run_command(self, typed: str) -> None:
        invocation = Invocation(typed, TERMINAL_ADDRESS, datetime.now(UTC))
        answer = dispatch.answer(invocation, self.context)
        if answer.head:
            self.show(answer.head)
        if answer.lookup:
            wait_for_lookup(
                answer.lookup, self.context.lookups, self.environment, Console(stderr=True)
            )
            result = papers.lookup_result(invocation, self.context, answer.lookup)
            assert result is not None, "the lookup was answered"
            assert result.head is not None, "a lookup's answer has a message"
            self.show(result.head)
        if answer.request:
            arrived = self.wait(answer.request)
            if arrived.already_delivered:
                self.show(help.delivered_again())
            self.show(*TerminalPosts(self.environment.store).posts(arrived.name))

    def show(self, *posts: Post) -> None:
        for post in posts:
            if isinstance(post, Message):
                self.out.print()
            if self.out.is_terminal:
                self.out.print(render.render(post))
            else:
                self.out.out(render.as_text([post]), end="")
