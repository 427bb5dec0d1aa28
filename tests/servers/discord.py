"""Discord on loopback, by hand: you type as a person and see what the bot posts.

python -m tests.servers.discord
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import by_hand
from tests.servers.discord_rules import draw_discord, walk_components
from tests.servers.fake_discord import FakeDiscord, run_fake_discord

Json = dict[str, Any]


class DiscordConsole:
    """A person with all permissions, in a server with two text channels, an announcement channel
    and a forum."""

    help = (
        "/digest WORD [OPTION:VALUE]... or /why arxivid:ID; press LABEL (the newest such button); "
        "send [FIELD=VALUE]... (the open form; a file by its path); reply TEXT (to the first "
        "paper); drop (the gateway); fault ROUTE NAME..."
    )

    def __init__(self, discord: FakeDiscord) -> None:
        self.discord, self._seen, self._printed = discord, dict[str, str](), set[str]()
        self.settings = {
            "DISCORD_TOKEN": "loopback",
            "DISCORD_API_URL": discord.api,
            "DISCORD_GATEWAY_URL": discord.gateway,
        }

    def do(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        match word:
            case "drop":
                self.discord.drop_connections()
            case "fault":
                method, path, *faults = rest.split()
                self.discord.inject_faults(f"{method} {path}", *faults)
            case "reply":
                threads = [c for c in self.discord.channels.values() if c.parent and c.messages]
                if not threads:
                    raise LookupError("there is no thread")
                self.discord.reply(rest, threads[-1].id, threads[-1].messages[0]["id"])
            case "press":
                self._press(rest)
            case "send":
                if not self.discord.modals:
                    raise LookupError("no form is open")
                self._send(dict(pair.split("=", 1) for pair in rest.split()))
            case _ if word.startswith("/"):
                self._command(line[1:].split())
            case _:
                raise LookupError(f"{word!r} is no command here; {self.help}")

    def news(self) -> Iterator[str]:
        """New and edited messages, ephemeral ones and forms."""
        for where, message in self._shown():
            text = draw_discord(message)
            if self._seen.get(message["id"]) != text:
                edited = " (edited)" if message["id"] in self._seen else ""
                self._seen[message["id"]] = text
                yield f"--- {where}{edited}\n{text}"
        modals = dict(self.discord.modals)
        self._printed &= modals.keys()  # a form that is opened again is printed again
        for id, modal in modals.items():
            if id not in self._printed:
                self._printed.add(id)
                fields = [label["component"]["custom_id"] for label in modal["components"]]
                yield f"--- a form; its fields are {', '.join(fields)}\n{draw_discord(modal)}"

    def _shown(self) -> Iterator[tuple[str, Json]]:
        """Every message with the place it is in, oldest first in each."""
        for channel in list(self.discord.channels.values()):
            where = f"{channel.name} ({'a thread' if channel.parent else channel.id})"
            yield from ((where, message) for message in list(channel.messages))
        yield from (("only to you", message) for message in list(self.discord._whispers))

    def _command(self, words: list[str]) -> None:
        name = " ".join(word for word in words if ":" not in word)
        options: Json = dict(word.split(":", 1) for word in words if ":" in word)
        if "top" in options:
            options["top"] = int(options["top"])
        if self.discord.command(name, options).type is None:
            raise LookupError("nothing acknowledged it: is the bot connected?")

    def _send(self, changes: dict[str, str]) -> None:
        """Submit the open form with these fields changed; choices are separated by commas."""
        id, modal = list(self.discord.modals.items())[-1]
        parts = {
            label["component"]["custom_id"]: label["component"] for label in modal["components"]
        }
        kinds = {name: parts.get(name, {}).get("type") for name in changes}
        self.discord.submit(
            id,
            {n: v if kinds[n] == 4 else v.split(",") for n, v in changes.items() if kinds[n] != 19},
            files={n: self._file(v) for n, v in changes.items() if kinds[n] == 19},
        )

    def _file(self, path: str) -> Json:
        return self.discord.drop_file(Path(path).name, Path(path).read_bytes())

    def _press(self, label: str) -> None:
        for _, message in reversed([*self._shown()]):
            for part in walk_components(message["components"]):
                if part["type"] == 2 and str(part.get("label", "")).startswith(label):
                    if "url" in part:
                        raise LookupError(f"that is a link to {part['url']}")
                    self.discord.press(
                        part["custom_id"], message["id"], channel=message["channel_id"]
                    )
                    return
        raise LookupError(f"no button is called {label!r}")


@contextmanager
def discord() -> Iterator[DiscordConsole]:
    with run_fake_discord() as fake_discord:
        yield DiscordConsole(fake_discord)


if __name__ == "__main__":
    by_hand.run({"discord": discord})
