"""What a command is given, what it gives back, and what it needs of the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.commands.permissions import Person, Right, require_right
from bot.domain.budget import Limits
from bot.domain.digest import Judge, ListQuery, Source
from bot.domain.lookup import Lookup
from bot.domain.message import Form, Message, Post
from bot.domain.papers import Profile
from bot.domain.request import Address, DigestRequest
from bot.domain.status import Status
from bot.errors import Refused
from bot.profiles import library
from bot.store.channels import Channels
from bot.store.lookups import Lookups
from bot.store.subscriptions import Subscriptions

# Stands for the workspace as a whole where what is asked has no channel: Slack's home tab.
HOME = "home"


@dataclass(frozen=True)
class Invocation:
    """What somebody typed, where, and when (UTC); who (`by` is the platform's id, `who` what it
    says of that person, None where it does not), and that person's time zone; `alone` where nobody
    else reads along; the web address (`site`) of the workspace."""

    text: str
    address: Address
    at: datetime
    by: str = ""
    zone: str = "UTC"
    is_private: bool = False
    site: str = ""
    person: Person | None = None


@dataclass(frozen=True)
class Answer:
    """What to say to the person at once, and the rest: what to wait for, what to tell the whole
    channel (`place`, where that is not where it was asked), a form to fill in instead (`head` says
    how to type it), or what the message whose button was pressed now says. What is to be found out
    about a paper is an `inquiry`; once it is answered, actions.learnt has the rest.
    `shared` goes where it was asked, in its thread, for all to read; `told` to each of these
    channels."""

    head: Message | None = None
    request: DigestRequest | None = None
    announcement: Message | None = None
    announcement_address: Address | None = None
    form: Form | None = None
    update: Post | None = None
    lookup: Lookup | None = None
    shared: Message | None = None
    broadcasts: tuple[tuple[Address, Message], ...] = ()


class InvalidForm(Refused):
    """Answers to a form that cannot be taken: a sentence for each wrong field, by its name."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.field_errors = dict(fields)


@dataclass(frozen=True)
class Context:
    """What the commands and the clock need of the world; the settings of the same names."""

    channels: Channels
    subscriptions: Subscriptions
    lookups: Lookups
    judge: Judge
    status: Callable[[], Status]
    window_hours: float = 12
    catch_up_days: int = 5
    say_quiet_days: bool = False
    limits: tuple[Limits, Limits] = (Limits(), Limits())
    admins_only: bool = False

    def authorise(self, invocation: Invocation, right: Right) -> None:
        """Raises Refused where who asks may not do this there. Whoever sits at the terminal has
        the whole installation."""
        place = invocation.address
        if place.platform != "terminal":
            channel = "" if place.channel == HOME else place.channel
            require_right(invocation.person, right, channel, self.admins_only)

    def profiles(self, address: Address) -> dict[str, Profile]:
        """The profiles that can be named at an address: those that ship, the installation's, the
        workspace's own; of one name the last."""
        return library.shipped() | self.subscriptions.profiles(address)

    def profiles_at(self, addresses: Iterable[Address]) -> dict[str, dict[str, Profile]]:
        """The same for many addresses, by workspace, in one question."""
        own = self.subscriptions.profiles_by_workspace(addresses)
        return {place: library.shipped() | known for place, known in own.items()}


def newest_day_request(
    profile: Profile, invocation: Invocation, context: Context, top: int | None = None
) -> DigestRequest:
    """The wish for a profile's newest day, at the address that asked."""
    return DigestRequest(
        profile=context.channels.store.put_profile(profile),
        wanted=ListQuery(source=Source.ARXIV, categories=profile.categories, latest=True),
        judge=context.judge,
        address=invocation.address,
        since=invocation.at,
        by=invocation.by,
        top=top,
    )
