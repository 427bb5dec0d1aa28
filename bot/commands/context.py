"""What a command takes and returns, and the stores and settings it works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.commands.permissions import Person, Right, require_right
from bot.domain.budget import Limits
from bot.domain.digest import ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.lookup import Lookup
from bot.domain.message import Button, File, Form, Message, Post
from bot.domain.papers import Profile
from bot.domain.readers.best import Discussion
from bot.domain.request import Address, DigestRequest
from bot.domain.status import Status
from bot.domain.tasks.task import Task
from bot.errors import Refused
from bot.profiles import library
from bot.sealing import Sealer
from bot.store.lookups import Lookups
from bot.store.store import Store

# The channel of an invocation that has none: Slack's home tab stands for the workspace.
HOME = "home"
# What `paperboy day` showed in a terminal. Not the terminal's own channel: what is shown once there
# is not shown again.
SHOWN_ONCE = Address(platform="terminal", channel="day")


@dataclass(frozen=True)
class Invocation:
    """What somebody typed or pressed, where, and when (UTC).

    `by` is that person's id on the platform, `person` what the platform says of them (None when it
    could not be asked), `zone` their time zone. In a private conversation (`is_private`) nobody
    else reads along. `site` is the web address of the workspace.
    """

    text: str
    address: Address
    at: datetime
    by: str = ""
    zone: str = "UTC"
    is_private: bool = False
    site: str = ""
    person: Person | None = None


@dataclass(frozen=True)
class Counting:
    """People's replies to a channel's digests since a moment have to be counted first: `show` makes
    the answer of them."""

    since: datetime
    show: Callable[[Discussion], Answer]


@dataclass(frozen=True)
class Answer:
    """What a command leads to.

    `head` is said to the person at once. `request` is a digest that was asked for, `lookup` what
    the workers have to find out about a paper: papers.lookup_result has the answer afterwards.
    `announcement` is for the whole channel (at `announcement_address`, if that is another one),
    `shared` for everybody where the question was asked, in its thread, `broadcasts` for other
    channels. `form` opens instead of `head`, which says how to type the same. `update` replaces the
    message whose button was pressed. `file` is given to the person, after `head`.
    `task` is what the workers do for the person meanwhile: tasks.result makes an answer of what
    comes of it, below which the buttons of `more` are shown. `counting` is what has to be counted
    in the chat before there is an answer.
    """

    head: Message | None = None
    request: DigestRequest | None = None
    announcement: Message | None = None
    announcement_address: Address | None = None
    form: Form | None = None
    update: Post | None = None
    lookup: Lookup | None = None
    shared: Message | None = None
    broadcasts: tuple[tuple[Address, Message], ...] = ()
    file: File | None = None
    task: Task | None = None
    more: tuple[Button, ...] = ()
    counting: Counting | None = None


class InvalidForm(Refused):
    """A form with wrong fields: a sentence for each, by the field's name."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.field_errors = dict(fields)


class FormAgain(Refused):
    """A form that wasn't saved, to be shown again: its `notes` say why."""

    def __init__(self, form: Form) -> None:
        super().__init__(" ".join(form.notes))
        self.form = form


@dataclass(frozen=True)
class Context:
    """The stores and settings that commands and the clock work with; `sealer` seals people's own
    keys, where the installation has a key for that. `api_url` is where people's programs are
    served, empty where they are not."""

    store: Store
    lookups: Lookups
    judge: Judge
    status: Callable[[], Status]
    window_hours: float = 12
    catch_up_days: int = 5
    say_quiet_days: bool = False
    limits: tuple[Limits, Limits] = (Limits(), Limits())
    admins_only: bool = False
    sealer: Sealer | None = None
    api_url: str = ""

    def authorise(self, invocation: Invocation, right: Right) -> None:
        """Raises Refused when this person may not do this there. The terminal may do anything:
        whoever sits at it has the whole installation."""
        place = invocation.address
        if place.platform != "terminal":
            channel = "" if place.channel == HOME else place.channel
            require_right(invocation.person, right, channel, self.admins_only)

    def profiles(self, address: Address) -> dict[str, Profile]:
        """The profiles that can be named at an address. The workspace's own come before the
        installation's of the same name, and those before the ones that ship."""
        own = self.store.profiles.at(address)
        return library.shipped() | own

    def profiles_at(self, addresses: Iterable[Address]) -> dict[str, dict[str, Profile]]:
        """The same for many addresses, by workspace (a key), with one query."""
        own = self.store.profiles.by_workspace(addresses)
        return {workspace: library.shipped() | profiles for workspace, profiles in own.items()}

    def installed_profiles(self) -> dict[str, Profile]:
        """Those that every workspace can name: what ships, and the installation's own."""
        return library.shipped() | self.store.profiles.shared()

    def find_profile(self, name: str, address: Address) -> Profile:
        """The profile of that name, in any case. Raises Refused, with the nearest name."""
        return library.find(name, self.profiles(address))

    def judge_of(self, address: Address, profile: Profile) -> Judge:
        """Who judges for a profile there, with what the workspace's votes show it."""
        if self.judge.model is None:
            return self.judge
        place = address.workspace_key
        return self.store.vote_uses.of(place, profile.name).judge(self.judge, place)


def newest_day_request(
    profile: Profile, invocation: Invocation, context: Context, top: int | None = None
) -> DigestRequest:
    """A request to deliver a profile's newest day to the address that asks."""
    return DigestRequest(
        profile=context.store.profiles.put(profile),
        wanted=ListQuery(source=Source.ARXIV, categories=profile.categories, latest=True),
        judge=context.judge_of(invocation.address, profile),
        address=invocation.address,
        since=invocation.at,
        by=invocation.by,
        top=top,
    )
