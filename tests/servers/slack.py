"""Slack on loopback, by hand: you type as a person and see what the bot posts.

python -m tests.servers.slack
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.slack.check import SCOPES
from tests.servers import by_hand
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.servers.slack_rules import broken_rules, draw_slack, unchanged_submission, walk_objects

Json = dict[str, Any]


class SlackConsole:
    """U1, a member of the workspace, in the channels C1, C2 and C3."""

    help = (
        "[C2] /digest ... or /why ID; press LABEL (the newest such button); send [FIELD=VALUE]... "
        "(the open form; a file by its path); @ TEXT (a mention); reply TEXT (in the last thread); "
        "drop (the socket); fault METHOD NAME..."
    )

    def __init__(self, fake_slack: FakeSlack) -> None:
        self.slack, self._seen = fake_slack, dict[str, str]()
        self._view = ""
        fake_slack.scopes = ",".join(SCOPES)
        self.settings = {
            "SLACK_BOT_TOKEN": "xoxb-loopback",
            "SLACK_APP_TOKEN": "xapp-loopback",
            "SLACK_API_URL": fake_slack.url,
        }

    def do(self, line: str) -> None:
        channel, _, rest = line.partition(" ")
        channel, line = (channel, rest) if channel in self.slack.channels else ("C1", line)
        word, _, rest = line.partition(" ")
        match word:
            case "drop":
                self.slack.drop_connections()
            case "fault":
                method, *faults = rest.split()
                self.slack.inject_faults(method, *faults)
            case "@":
                self._mention(channel, f"<@UBOT> {rest}")
            case "reply":
                found = [m for m in self.slack.channels[channel].messages if "thread_ts" in m]
                if not found:
                    raise LookupError("there is no thread")
                self.slack.reply(found[-1]["thread_ts"], rest, channel=channel)
            case "press":
                self._press(rest)
            case "send":
                self._send(dict(pair.split("=", 1) for pair in rest.split()))
            case _ if word.startswith("/"):
                if not self.slack.command(rest, channel=channel, command=word).acked:
                    raise LookupError("nothing acknowledged it: is the bot connected?")
            case _:
                raise LookupError(f"{word!r} is no command here; {self.help}")

    def news(self) -> Iterator[str]:
        """New and edited messages, ephemeral ones and forms."""
        for place, where, message in self._shown():
            text = str(message.get("text"))
            if message.get("blocks"):
                sent = {"text": message["text"], "blocks": message["blocks"]}
                text = draw_slack(message) + "".join(f"! {r}\n" for r in broken_rules(sent))
            if self._seen.get(place) != text:
                edited = " (edited)" if place in self._seen else ""
                self._seen[place] = text
                yield f"--- {where}{edited}\n{text}"
        for id, view in list(self.slack.views.items()):
            if self._seen.get(id) != view["hash"]:
                self._seen[id], self._view = view["hash"], id
                fields = [block["block_id"] for block in view["blocks"] if "element" in block]
                yield f"--- a form; its fields are {', '.join(fields)}\n{draw_slack(view)}"

    def _shown(self) -> Iterator[tuple[str, str, Json]]:
        """Every message, oldest first: its id, where it is, and the message."""
        for channel, room in list(self.slack.channels.items()):
            for message in list(room.messages):
                in_thread = message.get("thread_ts", message["ts"]) != message["ts"]
                where = f"{channel}, in a thread" if in_thread else channel
                yield f"{channel} {message['ts']}", where, message
        for number, message in enumerate(list(self.slack.ephemeral)):
            yield f"only {number}", f"{message.get('channel', '')}, only to you", message

    def _mention(self, channel: str, text: str) -> None:
        message = self.slack._say(channel, {"text": text})["message"]
        message |= {"user": "U1"}
        del message["bot_id"]
        self.slack.send_event(
            {"type": "app_mention", "text": text, "channel": channel, "ts": message["ts"]}
        )

    def _press(self, label: str) -> None:
        for place, _, message in reversed([*self._shown()]):
            for each in walk_objects(message.get("blocks", ())):
                text = each.get("text")
                if each.get("type") == "button" and str(text["text"]).startswith(label):
                    if "url" in each:
                        raise LookupError(f"that is a link to {each['url']}")
                    channel, _, ts = place.partition(" ")
                    if channel == "only":
                        channel, ts = str(message["channel"]), ""
                    self.slack.press(each, channel=channel, message_ts=ts)
                    return
        raise LookupError(f"no button is called {label!r}")

    def _send(self, changes: dict[str, str]) -> None:
        """Submit the open form with these fields changed."""
        if self._view not in self.slack.views:
            raise LookupError("no form is open")
        values = unchanged_submission(self.slack.views[self._view])["state"]["values"]
        for name, value in changes.items():
            (state,) = values[name].values()
            kind = state["type"]
            if kind in ("static_select", "external_select"):
                state["selected_option"] = {"value": value}
            elif kind == "checkboxes":
                state["selected_options"] = [{"value": one} for one in value.split(",")]
            elif kind == "timepicker":
                state["selected_time"] = value
            elif kind == "conversations_select":
                state["selected_conversation"] = value
            elif kind == "file_input":
                path = Path(value)
                state["files"] = [self.slack.drop_file(path.name, path.read_bytes())]
            else:
                state["value"] = value
        ack = self.slack.submit(self._view, values)
        for field, wrong in ((ack.payload or {}).get("errors") or {}).items():
            raise ValueError(f"{field}: {wrong}")


@contextmanager
def slack() -> Iterator[SlackConsole]:
    with run_fake_slack() as fake_slack:
        yield SlackConsole(fake_slack)


if __name__ == "__main__":
    by_hand.run({"slack": slack})
