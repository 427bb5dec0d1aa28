"""The terminal as a channel: the first digest, then the chat commands, typed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from rich.console import Console

from bot.commands import context, dispatch
from bot.commands.context import Ask
from bot.domain.digest import Judge, Source, Wanted
from bot.domain.message import Head, Post
from bot.domain.request import Address, Wish
from bot.errors import PaperboyError
from bot.profiles import library
from bot.settings import Settings
from bot.store.outbox import Shown
from bot.terminal import render
from bot.views import help
from workers.cli.progress import Arrived, answered, fulfilled
from workers.runtime.environment import House, desk_of, staffed

HERE = Address(platform="terminal", channel="main")
FIRST = "foundations"
# Narrow: of the sample's papers, all from the foundations of machine learning, it picks a few.
_SAMPLE_PROFILE = "compression"


def run(settings: Settings) -> int:
    """The first digest, and with a terminal attached a prompt; returns the exit status."""
    with staffed(settings) as here:
        channel = _Terminal(here, settings)
        try:
            channel.first()
            channel.show(help.next_steps(channel.judge))
            if sys.stdin.isatty() and channel.out.is_terminal:
                channel.show(help.help_text())
                channel.talk()
        except KeyboardInterrupt:
            return 130
    return 0


class _Terminal:
    """One person, one channel."""

    def __init__(self, here: House, settings: Settings) -> None:
        self.here = here
        self.judge = Judge(model=settings.judge_model)
        self.out = Console(highlight=False, emoji=False, markup=False)
        self.out.width = render.width(self.out.width)
        self.known = library.shipped() | here.store.named_profiles()
        self.desk = desk_of(here, settings)

    def first(self) -> None:
        """The newest day; the sample where arXiv cannot be asked."""
        ask = Ask("", HERE, datetime.now(UTC))
        arrived = self.wait(context.newest_day(self.known[FIRST], ask, self.desk))
        problem = arrived.digest.listed.problem
        if problem and not arrived.digest.decisions:
            self.show(help.sample_instead(problem))
            arrived = self.wait(self.sample())
        self.show(*Shown(self.here.store).posts(arrived.name))

    def sample(self) -> Wish:
        # All of the sample is shown, also what stands outside the profile's categories.
        profile = self.known[_SAMPLE_PROFILE].model_copy(update={"categories": ("cs",)})
        return Wish(
            profile=self.here.store.put_profile(profile),
            wanted=Wanted(source=Source.SAMPLE, categories=profile.categories),
            judge=self.judge,
            address=HERE,
            since=datetime.now(UTC),
        )

    def wait(self, wish: Wish) -> Arrived:
        """Kept while we wait: should this command die, a bot on the same server sees to it."""
        self.here.channels.put_wish(wish)
        try:
            return fulfilled(wish, self.here, Console(stderr=True))
        finally:
            self.here.channels.drop_wish(wish)

    def talk(self) -> None:
        """Commands, until the end of input."""
        while True:
            try:
                typed = input("\npaperboy> ").strip()
            except EOFError:
                return
            if typed in ("quit", "exit", "/quit"):
                return
            try:
                self.act(typed)
            except PaperboyError as error:
                self.show(Head(title=str(error)))
            except KeyboardInterrupt:
                self.show(help.interrupted())

    def act(self, typed: str) -> None:
        ask = Ask(typed, HERE, datetime.now(UTC))
        answer = dispatch.answer(ask, self.desk)
        if answer.head:
            self.show(answer.head)
        if answer.inquiry:
            answered(answer.inquiry, self.desk.inquiries, self.here, Console(stderr=True))
            more = dispatch.learnt(ask, self.desk, answer.inquiry)
            assert more is not None, "it was answered"
            assert more.head is not None, "something is said of it"
            self.show(more.head)
        if answer.wish:
            arrived = self.wait(answer.wish)
            if arrived.before:
                self.show(help.again())
            self.show(*Shown(self.here.store).posts(arrived.name))

    def show(self, *posts: Post) -> None:
        for post in posts:
            if isinstance(post, Head):
                self.out.print()
            if self.out.is_terminal:
                self.out.print(render.render(post))
            else:
                self.out.out(render.as_text([post]), end="")
