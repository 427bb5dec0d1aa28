"""A model that answers as a test says, without HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from bot.domain.digest import Usage
from tests.servers.fake_http import scores_for
from workers.judging.batches import ModelReply

PAID = Usage(calls=1, prompt_tokens=100, completion_tokens=10)


class ScriptedModel:
    """A model that answers by a function of the ids it is asked about: to be scored (`asked`), or
    as the best of a day (`looks`)."""

    name = "scripted"

    def __init__(self, reply: Callable[[list[str]], str | Exception | None]) -> None:
        self.reply, self.asked, self._lock = reply, [], threading.Lock()
        self.asked: list[list[str]]
        self.looks: list[list[str]] = []

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int | None = None,
        patience: float = 1.0,
    ) -> ModelReply:
        about = [json.loads(line)["id"] for line in question.splitlines() if line[:1] == "{"]
        with self._lock:
            (self.looks if "order" in str(schema["required"]) else self.asked).append(about)
        answer = self.reply(about)
        if isinstance(answer, Exception):
            raise answer
        return ModelReply(answer, PAID)


def well_formed_reply(about: list[str]) -> str:
    return json.dumps(scores_for(about))
