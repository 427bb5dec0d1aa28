"""A group in one workspace, and people of another who reach for all it has.

`python -m tests.bot.slack.across_workspaces` prints what they tried, and what they got.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from slack_bolt.async_app import AsyncBoltRequest

from bot.commands import conversation, dispatch
from bot.commands.context import Context
from bot.commands.permissions import Right
from bot.domain.digest import ListQuery, ListResult, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.papers import Profile
from bot.domain.readers.zotero import ZoteroAccess
from bot.domain.request import Address, DigestRequest, digest_name
from bot.runtime.announcements import Wakeup
from bot.runtime.answers import Services
from bot.runtime.status import gather
from bot.slack import tokens
from bot.slack.answers import SlackAnswers
from bot.slack.events import SlackApp
from bot.slack.installed import Installed
from bot.slack.leaving import Leaving
from bot.slack.poster import SlackPoster
from bot.store.chats.installations import Installation
from bot.store.connection import connect_briefly
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.bot.slack.conversations import button, open_form, open_new_profile, submit_form
from tests.bot.slack.installers import settings
from tests.factories import DAY, decision, digest, listing, paper_ids
from tests.fuzz.checks.slack_events import Even, Waiter, Worker
from tests.servers.fake_slack import Channel, Json
from tests.servers.fake_slack_app import FakeSlackApp, run_fake_slack_app
from tests.servers.slack_rules import unchanged_submission, walk_objects
from workers.deliver_job import deliver
from workers.runtime.server import embedded

OURS, THEIRS = "T1", "T2"
HERE = Address(platform="slack", workspace=OURS, channel="C1")
BOB, THERE = "UBOB", "CBOB"
# Words that only the first workspace has: in its profile, and in what a model said for it.
SECRET = re.compile(r"quagga|\b(?:U1|C[123])\b|slack:T1", re.IGNORECASE)
# Under way, and nobody's.
_PASSING = re.compile("pb:(lease|pace|turn|event|heard|counts|counted|form)")

_READ: dict[str, Any] = {
    "hash": lambda pipe, key: pipe.hgetall(key),
    "set": lambda pipe, key: pipe.smembers(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "string": lambda pipe, key: pipe.get(key),
}


@dataclass
class Tried:
    """One kind of thing: how many there are, how often it was tried, and what came of it."""

    kind: str
    listed: int
    payloads: int = 0
    answered: int = 0
    changed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        found = (self.kind, self.listed, self.payloads, self.answered)
        faults = (len(self.changed), len(self.shown), len(self.asked))
        return f"| {' | '.join(map(str, (*found, *faults)))} |"


HEAD = (
    "| of the other workspace | there are | payloads | answered | changed here | shown of here | "
    "our token used |\n|---|---|---|---|---|---|---|"
)


class Two:
    """Both workspaces, and one bot that serves them, each event to its very end."""

    def __init__(self, store: Store, slack: FakeSlackApp, redis_url: str) -> None:
        self.store, self.slack = store, slack
        self.ours, self.theirs = slack.workspaces[OURS], slack.workspaces[THEIRS]
        self.theirs.channels = {THERE: Channel(), "CBOB2": Channel()}
        config = settings(slack)
        sealer = config.sealer
        assert sealer
        for team, place in slack.workspaces.items():
            issued = tokens.Tokens(slack._issue(team)["access_token"])
            place.carry = self._carry
            store.installations.put(
                Installation(
                    team=team,
                    name=team,
                    site="https://testers.slack.com/",
                    bot_user_id=place.bot_user,
                    at=datetime.now(UTC) - timedelta(minutes=5),
                    sealed=tokens.seal(sealer, team, issued),
                )
            )
        context = Context(
            store=store,
            lookups=Lookups(store),
            judge=Judge(model="gpt-6-luna"),
            status=lambda: gather(Queues(Redis.from_url(redis_url)), store, Judge()),
            sealer=sealer,
        )
        services: Any = Services(context, Even(), Wakeup(), Waiter(context), Worker())  # type: ignore[arg-type]
        installed = Installed(store, config)
        answers = SlackAnswers(SlackPoster(installed), services)
        self._app = SlackApp(answers, Leaving(answers, installed).left).app("secret")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._config = config
        self.profile = self._settle_in()
        self.harvest, self._before = self._harvest(), self.kept()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _carry(self, envelope: Json) -> tuple[bool, Json | None]:
        handled = asyncio.run_coroutine_threadsafe(self._handle(envelope), self._loop)
        return await asyncio.wrap_future(handled)

    async def _handle(self, envelope: Json) -> tuple[bool, Json | None]:
        request = AsyncBoltRequest(mode="socket_mode", body=envelope["payload"])
        response = await self._app.async_dispatch(request)
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(left)
        text = str(response.body)
        return response.status == 200, json.loads(text) if text.startswith("{") else None

    # -- the group

    def _settle_in(self) -> Profile:
        """It makes a profile, subscribes, gets a day, and does with it what people do."""
        ours = self.ours
        fields = {"title": "Quagga group", "categories": "cs.LG", "look_for": "quagga stripes"}
        submit_form(ours, open_new_profile(ours), **fields)
        ours.command("subscribe quagga-group at 09:00")
        own = self.store.profiles.at(HERE)["quagga-group"]
        self._deliver_day(own)
        card = ours.visible_messages("C1")[-1]
        for label in ("👍", "Save", "Abstract", "Why", "Follow", "More like this", "BibTeX"):
            ours.press(button(card, label), message_ts=card["ts"])
        for message in ours.visible_messages("C1"):
            for each in walk_objects(message.get("blocks", ())):
                if str(each.get("action_id", "")).startswith("details"):
                    ours.press(each, message_ts=message["ts"])
        said = "follow author Noga Alon", "best weekly", "saved", "me", "taught quagga-group"
        said += ("list", "profiles", "missed", "follows", "history quagga-group", "", "best")
        said += ("preview quagga-group", "now quagga-group", "search stripes", "gate quagga-group")
        for text in said:
            ours.command(text)
        ours.send_event({"type": "app_home_opened", "tab": "home"})
        sealed = self._config.sealer.seal("k" * 24, "slack:T1 U1") if self._config.sealer else ""
        access = ZoteroAccess(sealed=sealed, library="users/1", name="quagga", at=datetime.now(UTC))
        self.store.zotero.propose("slack:T1", "U1", access)
        for label in ("Edit", "Pause", "Unsubscribe", "Subscribe"):
            for shown in list(ours.ephemeral):
                for each in walk_objects(shown.get("blocks", ())):
                    words = str((each.get("text") or {}).get("text")) if "action_id" in each else ""
                    if words == label and label in ("Edit", "Subscribe"):
                        ours.press(each)
        open_form(ours, lambda: ours.command("saved zotero"))
        return own

    def _deliver_day(self, own: Profile) -> None:
        now = datetime.now(UTC)
        found = [_of_quagga(id) for id in paper_ids(2)]
        list_result = ListResult(batch=str(DAY), date=DAY, asked_at=now, changed_at=now)
        request = DigestRequest(
            profile=self.store.profiles.put(own),
            wanted=ListQuery(source=Source.ARXIV, categories=("cs.LG",), latest=True),
            judge=Judge(model="gpt-6-luna"),
            address=HERE,
            since=now,
        )
        self.store.lists.add(list_result.batch, listing(*(d.announced for d in found)), now)
        self.store.lists.put_result(request.wanted, list_result)
        day = digest(*found, listed=list_result, judged_at=now, profile=own)
        self.store.days.put_decided(digest_name(request, list_result), day)
        DueDeliveries(self.store.redis, "slack").put([request])
        deliver("slack", self.store, self._config, lambda: now)

    def _harvest(self) -> dict[str, list[str]]:
        """Every button that was shown to the group, by its action: the values it carried."""
        found: dict[str, list[str]] = {}
        shown: list[Any] = [*self.ours.ephemeral, *self.ours.views.values()]
        shown += [*self.ours.homes.values(), *self.ours.visible_messages("C1")]
        for each in walk_objects(shown):
            if "action_id" in each and each.get("type") != "overflow":
                action = str(each["action_id"]).partition("#")[0]
                found.setdefault(action, []).append(str(each.get("value") or ""))
            for option in each.get("options", ()) if each.get("type") == "overflow" else ():
                action, _, value = option["value"].partition(" ")
                found.setdefault(action, []).append(value)
        return {action: list(dict.fromkeys(values)) for action, values in found.items()}

    def named(self) -> list[str]:
        """What names something of the group's: each alone, and as buttons put them together."""
        days = {each.day for each in self.store.history.of(HERE)}
        follows = [each.token for each in self.store.follows.all()]
        lists = "2503.10000", "C1", "quagga-group", "C1 quagga-group", *days, *follows, "U1"
        both = [f"2503.10000 {day}" for day in days]
        return ["", *lists, *both, "quagga-group U1", self.profile.fingerprint]

    def kept(self) -> dict[str, Any]:
        """All that is stored of the group, and of the installation as a whole."""
        client: Any = self.store.redis
        keys = [key for key in map(str, client.keys("pb:*")) if not _PASSING.match(key)]
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            kinds = pipe.execute()
            for key, kind in zip(keys, kinds, strict=True):
                _READ[kind](pipe, key)
            found = {}
            for key, rows in zip(keys, pipe.execute(), strict=True):
                rows = rows if isinstance(rows, dict) else {"": rows}
                for name, value in rows.items():
                    is_ours = "slack:T1" in f"{key} {name} {value}"
                    if is_ours or key == "pb:profiles":
                        found[f"{key} {name}"] = value
        return found

    # -- the others

    def attempt(self, tried: Tried, what: str, act: Any) -> None:
        """Do one thing, and note what came of it."""
        before, calls, asked = self._before, len(self.theirs.calls), len(self.slack.asked)
        our_calls = len(self.ours.calls)
        ack = act()
        tried.payloads += 1
        said = [call.arguments for call in self.theirs.calls[calls:]]
        text = json.dumps([said, ack.payload], ensure_ascii=False)
        tried.answered += len(said) > 0 or bool(ack.payload)
        sent = json.dumps(ack.sent["payload"], ensure_ascii=False)
        known = {found.casefold() for found in SECRET.findall(sent)}
        leaked = {found for found in SECRET.findall(text) if found.casefold() not in known}
        if leaked:
            tried.shown.append(f"{what}: {leaked} in {text[:600]}")
        after = self._before = self.kept()
        if after != before:
            names = {
                name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
            }
            tried.changed.append(f"{what}: {sorted(names)}")
        ours = [where for _, where in self.slack.asked[asked:] if where != THEIRS]
        if ours or len(self.ours.calls) != our_calls:
            tried.asked.append(f"{what}: {ours}")

    def reach(self) -> list[Tried]:
        """By every command, saying, button and form there is, and by whatever else Slack sends."""
        return [
            self._commands(),
            self._sayings(),
            self._buttons(),
            self._buttons_of_ours(),
            self._by_the_same_ids(),
            self._forms(),
            self._events(),
            self._misnamed(),
        ]

    def _commands(self) -> Tried:
        tried = Tried("commands", len(dispatch.COMMANDS))
        for word in dispatch.COMMANDS:
            for value in self.named():
                text = f"{word} {value}".strip()
                self.attempt(
                    tried, text, lambda t=text: self.theirs.command(t, channel=THERE, user=BOB)
                )
        return tried

    def _sayings(self) -> Tried:
        tried = Tried("sayings, in a mention", len(conversation.SAYINGS))
        for word in conversation.SAYINGS:
            text = f"{word} quagga-group"
            event = {"type": "app_mention", "text": f"<@UBOT> {text}", "user": BOB}
            self.attempt(
                tried, text, lambda e=event: self.theirs.send_event(e | {"channel": THERE})
            )
        return tried

    def _values(self, action: str) -> Sequence[str]:
        """What it carried where the group saw it, and, the fewer that are, the more names."""
        shown, named = self.harvest.get(action, ())[:5], self.named()
        return list(dict.fromkeys([*shown, *(named[1:4] if shown else named[:8])]))

    def _buttons(self) -> Tried:
        tried = Tried("buttons, as copied from our messages", len(dispatch.BUTTONS))
        for action in (*dispatch.BUTTONS, dispatch.RUN):
            for value in self._values(action):
                pressed = {"type": "button", "action_id": action, "value": value}
                self.attempt(
                    tried,
                    f"{action} {value}",
                    lambda p=pressed: self.theirs.press(p, channel=THERE, user=BOB),
                )
        return tried

    def _buttons_of_ours(self) -> Tried:
        """The body names our channel and our message, or a form that was opened there."""
        tried = Tried("buttons in our channel, or our form", len(dispatch.BUTTONS))
        message = self.ours.visible_messages("C1")[-1]
        metadata = json.dumps(["C1 quagga-group", "C1"])
        view = {"id": "V1", "type": "modal", "callback_id": "edit", "private_metadata": metadata}
        view["state"] = {"values": {}}
        for action in dispatch.BUTTONS:
            value = (self.harvest.get(action) or ["C1 quagga-group"])[0]
            pressed = [{"type": "button", "action_id": action, "value": value, "block_id": "b0"}]
            hook = {"response_url": self.theirs._hook(THERE, BOB)}
            place = {"channel": {"id": "C1", "name": "ours"}, "message": message}
            place |= {"container": {"type": "message", "message_ts": message["ts"]}}
            for around in (place | hook, {"view": view, "container": {"type": "view"}}):
                self.attempt(
                    tried,
                    f"{action} {value} {sorted(around)}",
                    lambda p=pressed, a=around: self._act("block_actions", actions=p, **a),
                )
        return tried

    def _by_the_same_ids(self) -> Tried:
        """Channels and people of theirs that are called as ours are."""
        self.theirs.channels["C1"] = Channel()
        words = [*dispatch.COMMANDS, *(f"{word} quagga-group" for word in dispatch.COMMANDS)]
        tried = Tried("all commands and buttons, by the same ids there", len(dispatch.BUTTONS))
        for text in words:
            self.attempt(tried, text, lambda t=text: self.theirs.command(t))
        for action in dispatch.BUTTONS:
            for value in (self.harvest.get(action) or ["quagga-group", "2503.10000"])[:2]:
                pressed = {"type": "button", "action_id": action, "value": value}
                self.attempt(tried, f"{action} {value}", lambda p=pressed: self.theirs.press(p))
        del self.theirs.channels["C1"]
        return tried

    def _forms(self) -> Tried:
        tried = Tried("forms, filled in with ours", len(dispatch.FORMS))
        opened = {str(view.get("callback_id")): view for view in self.ours.views.values()}
        answers = {
            name: {name: {"type": "plain_text_input", "value": value}}
            for name, value in (("profile", "quagga-group"), ("title", "Mine"), ("key", "k" * 24))
        }
        answers["channel"] = {
            "channel": {"type": "conversations_select", "selected_conversation": "C1"}
        }
        for form in dispatch.FORMS:
            filled = unchanged_submission(opened[form])["state"]["values"] if form in opened else {}
            about = json.loads(opened[form]["private_metadata"])[0] if form in opened else ""
            for values in (filled, answers, filled | answers):
                for what in dict.fromkeys((about, "C1 quagga-group", "quagga-group", "")):
                    for channel in ("C1", THERE, ""):
                        view = {"id": "V9", "type": "modal", "callback_id": form}
                        view["private_metadata"] = json.dumps([what, channel])
                        view["state"] = {"values": values}
                        self.attempt(
                            tried,
                            f"{form} {what!r} in {channel!r}",
                            lambda v=view: self._act("view_submission", view=v),
                        )
        return tried

    def _events(self) -> Tried:
        named: list[Json] = [
            {"type": kind, "channel": "C1", "user": user, "text": "<@UBOT> why 2503.10000"}
            for kind in ("app_mention", "member_joined_channel", "channel_unarchive", "message")
            for user in (BOB, "U1", self.ours.bot_user, self.theirs.bot_user)
        ]
        named += [{"type": "app_home_opened", "tab": "home", "user": user} for user in (BOB, "U1")]
        direct = {"type": "message", "channel_type": "im", "channel": "DBOB", "user": BOB}
        named += [direct | {"text": text} for text in ("list", "quagga-group", "unsubscribe C1")]
        named += [{"type": "group_unarchive", "channel": "C1"}]
        tried = Tried("events that name our channel", len({each["type"] for each in named}))
        for event in named:
            self.attempt(tried, str(event), lambda e=event: self.theirs.send_event(e))
        message = self.ours.visible_messages("C1")[-1]
        where = {"channel": {"id": "C1"}, "message": message, "message_ts": message["ts"]}
        where |= {"response_url": self.theirs._hook(THERE, BOB)}
        self.attempt(
            tried,
            "shortcut",
            lambda: self._act("message_action", callback_id="why_this", **where),
        )
        return tried

    def _misnamed(self) -> Tried:
        """Payloads that say several workspaces at once, an organization, or none that is ours."""
        odd: list[Json] = [
            {"team": {"id": "T9", "domain": "x"}},
            {"team": {"id": THEIRS}, "team_id": OURS},
            {"team": {"id": THEIRS}, "view": {"team_id": OURS}},
            {"team": None, "enterprise": {"id": "E1"}, "is_enterprise_install": True},
            {"team": None, "user": {"id": BOB, "team_id": OURS}, "is_enterprise_install": True},
            {"team": {"id": THEIRS}, "user": {"id": "U1", "team_id": OURS}},
            {"team": {"id": "slack:T1"}},
            {"team": {"id": "T1:C1"}},
            {"team": {"id": "T2 "}},
            {"team": "*"},
        ]
        tried = Tried("payloads of two workspaces, an organization, or none", len(odd))
        for changes in odd:
            for action, value in (("unsubscribe", "C1 quagga-group"), ("saved", ""), ("me", "")):
                pressed = {"type": "button", "action_id": action, "value": value, "block_id": "b"}
                hook = {"response_url": self.theirs._hook(THERE, BOB), "channel": {"id": THERE}}
                self.attempt(
                    tried,
                    f"{changes} {action}",
                    lambda p=pressed, c=changes, h=hook: self._act(
                        "block_actions", actions=[p], **(h | c)
                    ),
                )
        for event in (
            {"type": "app_uninstalled"},
            {"type": "tokens_revoked", "tokens": {"bot": ["U1"]}},
        ):
            about = self.slack._about(THEIRS, event | {"team_id": OURS, "team": OURS}, 0)
            self.attempt(
                tried, str(event), lambda a=about: self.theirs.send_envelope("events_api", a)
            )
        return tried

    def _act(self, kind: str, **fields: Any) -> Any:
        """As FakeSlack._act, by BOB, with these fields in place of the others."""
        by = {"user": {"id": BOB, "team_id": THEIRS}, "team": {"id": THEIRS}, "type": kind}
        by |= {"trigger_id": self.theirs._trigger(), "is_enterprise_install": False}
        return self.theirs.send_envelope("interactive", by | fields)

    def strangers(self) -> Tried:
        """BOB in a channel that both share: the event is ours, as is the token; he may ask and
        vote. What he may not do changes nothing."""
        self.ours.user_overrides[BOB] = {"team_id": THEIRS, "is_stranger": True}
        kept = [name for name, spec in dispatch.BUTTONS.items() if spec.right is not Right.ASK]
        forms = [name for name, spec in dispatch.FORMS.items() if spec.right is not Right.ASK]
        what = "a person of theirs in a shared channel: what only members may"
        tried = Tried(what, len(kept) + len(forms))

        def attempt(name: str, act: Any) -> None:
            before, calls = self.kept(), len(self.ours.calls)
            ack = act()
            tried.payloads += 1
            tried.answered += len(self.ours.calls) > calls or bool(ack.payload)
            if self.kept() != before:
                tried.changed.append(name)

        for action in kept:
            for value in self._values(action)[:4]:
                pressed = {"type": "button", "action_id": action, "value": value}
                attempt(action, lambda p=pressed: self.ours.press(p, user=BOB))
        for form in forms:
            for about in ("C1 quagga-group", "quagga-group", ""):
                view = {"id": "V9", "type": "modal", "callback_id": form}
                view["private_metadata"] = json.dumps([about, "C1"])
                title = {"type": "plain_text_input", "value": "Mine"}
                view |= {"state": {"values": {"title": {"title": title}}}}
                view["app_installed_team_id"] = OURS  # "team" is the person's
                attempt(form, lambda v=view: self._act("view_submission", view=v))
        return tried


def _of_quagga(id: str) -> Any:
    found = decision(id, Outcome.PICKED)
    assert found.score
    score = found.score.model_copy(update={"comment": "Quagga: it has stripes."})
    return found.model_copy(update={"score": score})


@contextmanager
def two(store: Store, redis_url: str) -> Iterator[Two]:
    with run_fake_slack_app(OURS, THEIRS) as slack:
        both = Two(store, slack, redis_url)
        try:
            yield both
        finally:
            both.close()


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded(Path(folder)) as url,
        two(Store(connect_briefly(url)), url) as both,
    ):
        print(HEAD, *(tried.row for tried in (*both.reach(), both.strangers())), sep="\n")
