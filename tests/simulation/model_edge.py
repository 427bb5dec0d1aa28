"""The model in the simulation: it scores by a paper's id, fails in every way, keeps the bill."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from bot.domain.digest import Usage
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from tests.simulation.scheduler import Process, Scheduler
from workers.judging.batches import ModelReply
from workers.judging.metering import max_prompt_tokens

FAULTS = (
    *("down", "busy", "slow", "not admitted", "refuses", "filtered", "cut off", "nonsense"),
    *("forgets", "invents", "contradicts", "bad key", "out of credit", "too long", "empty"),
)


@dataclass(frozen=True)
class Purchase:
    """One paper scored in one answered call: for the profile of this title, in this run of a job
    (process and number)."""

    profile: str
    paper: str
    by: tuple[Process, int]
    at: float


class Model:
    """`fault` is what goes wrong with the share `rate` of the calls. `titles` are of the profiles,
    each with its workspace: a prompt holds the title of the profile it is for."""

    name = "simulated-model"

    def __init__(self, seed: str, scheduler: Scheduler, titles: dict[str, str]) -> None:
        self._seed, self._scheduler, self.titles = seed, scheduler, titles
        self.fault, self.rate = "", 0.0
        self.is_gone = False  # it answers nobody, whatever else is wrong with it
        self.babbles = False  # each call costs what it may cost at most
        self.purchases = defaultdict[tuple[str, str], list[Purchase]](list)
        # Tokens by workspace and UTC day of the call.
        self.tokens = defaultdict[tuple[str, date], int](int)
        self.saw_foreign: list[str] = []

    def close(self) -> None:
        """As the real one."""

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int | None = None,
        patience: float = 1.0,
        choices: int = 1,
    ) -> ModelReply:
        scheduler = self._scheduler
        scheduler.effect("model")
        by = self._buyer()  # a call may outlast its job: it is answered while the next one runs
        day = scheduler.datetime().date()
        titles = [title for title in self.titles if title in instructions]
        if len({self.titles[title] for title in titles}) != 1:
            self.saw_foreign.append(f"a prompt holds {titles}")
        owner = self.titles[titles[0]]
        fault = self.fault if scheduler.random.random() < self.rate else ""
        scheduler.sleep(scheduler.random.uniform(0.5, 8.0))
        self._raise("down" if self.is_gone else fault)
        rows = [json.loads(line) for line in question.split("\n") if line.startswith("{")]
        text, reason = self._text(fault, titles[0], rows, schema)
        others = (text,) * (choices - 1) if text and choices > 1 else ()
        prompt = max_prompt_tokens(instructions, question, schema) if self.babbles else 0
        read = prompt or len(instructions + question) // 4
        usage = self._usage(read, text or "", most_output, choices)
        self.tokens[owner, day] += usage.prompt_tokens + usage.completion_tokens
        if "papers" in properties(schema) and text and fault in ("", "forgets", "invents"):
            asked = {row["id"] for row in rows}  # what it invents is nobody's
            for id in sorted(asked & {row["id"] for row in json.loads(text)["papers"]}):
                self._buy(titles[0], id, cache_key, by)
        elif "order" in properties(schema) and not fault:
            self._buy(titles[0], "the best papers' order", cache_key, by)
        scheduler.effect("model answered")
        return ModelReply(text, usage, reason, others)

    def score(self, title: str, id: str) -> tuple[int, int]:
        """The relevance and novelty of a paper for a profile."""
        digest = sha256(f"{self._seed} {title} {id}".encode()).digest()
        return 3 + digest[0] % 8, 4 + digest[1] % 7

    def second_score(self, title: str, id: str) -> tuple[int, int]:
        """What it says when it looks at a paper again: often another relevance."""
        relevance, novelty = self.score(title, id)
        digest = sha256(f"{self._seed} again {title} {id}".encode()).digest()
        return min(10, max(1, relevance + digest[0] % 5 - 2)), novelty

    def _buyer(self) -> tuple[Process, int]:
        process = self._scheduler.current
        assert process is not None, "a process asks"
        return process.root, process.root.job

    def _buy(self, title: str, id: str, key: str, by: tuple[Process, int]) -> None:
        self.purchases[key, id].append(Purchase(title, id, by, self._scheduler.now))

    def _raise(self, fault: str) -> None:
        match fault:
            case "down":
                raise Unavailable("The model is down.", ModelReason.MODEL_DOWN)
            case "busy":
                raise Unavailable("The model is busy.", ModelReason.MODEL_BUSY, retry_after=30.0)
            case "slow":
                self._scheduler.sleep(25.0)
                raise Unavailable(
                    "The model is slow.", ModelReason.MODEL_SLOW, outcome_unknown=True
                )
            case "not admitted":
                raise Unavailable("The model lets nobody in.", ModelReason.NOT_ADMITTED)
            case "refuses":
                raise Unavailable("The model refuses.", ModelReason.MODEL_REFUSED)
            case "too long":
                raise Unavailable("The prompt is too long.", ModelReason.TOO_LONG)
            case "bad key":
                raise Refused("The key is wrong.", ModelReason.BAD_KEY)
            case "out of credit":
                raise Refused("The account is empty.", ModelReason.QUOTA)

    def _text(
        self, fault: str, title: str, rows: Sequence[dict[str, str]], schema: dict[str, object]
    ) -> tuple[str | None, ModelReason | None]:
        """The reply's text, and why something is missing."""
        if fault == "filtered":
            return None, ModelReason.CONTENT_FILTER
        if fault == "empty":
            return None, None
        if fault == "nonsense":
            return "I would rather not say.", None
        text = json.dumps(self._content(fault, title, rows, schema))
        if fault == "cut off":
            return text[: len(text) // 2], ModelReason.CUT_OFF
        return text, None

    def _content(
        self, fault: str, title: str, rows: Sequence[dict[str, str]], schema: dict[str, object]
    ) -> dict[str, object]:
        ids, wanted = [row["id"] for row in rows], properties(schema)
        if "order" in wanted:
            ids = ids if fault != "forgets" else ids[:1]
            sentences = {"shows": f"Settles a matter of {title}.", "why": f"Meets {title}."}
            return {"order": [{"id": id, **sentences} for id in ids]}
        if "claims" in wanted:
            return {"claims": []}
        if "papers" not in wanted:
            raise AssertionError(f"the simulated model knows no answer to {sorted(wanted)}")
        if fault == "forgets":
            ids = ids[1:]
        if fault == "invents":
            ids = [*ids, "0101.00001"]
        of = self.score if "comment" in json.dumps(schema) else self.second_score
        if fault == "contradicts":
            return {"papers": [self._row(title, id, of, shift) for id in ids for shift in (0, 1)]}
        return {"papers": [self._row(title, id, of) for id in ids]}

    def _row(
        self, title: str, id: str, of: Callable[[str, str], tuple[int, int]], shift: int = 0
    ) -> dict[str, object]:
        relevance, novelty = of(title, id)
        comment = f"{title} is met by {id}."
        return {
            "id": id,
            "comment": comment,
            "relevance": max(1, relevance - shift),
            "novelty": novelty,
        }

    def _usage(self, read: int, text: str, most: int | None, choices: int) -> Usage:
        written = len(text) // 4 + 1
        if self.babbles:
            written = most or 8 * written
        return Usage(
            calls=1,
            prompt_tokens=read,
            completion_tokens=choices * (written if most is None else min(written, most)),
            prompt_usd=None,
            completion_usd=None,
        )


def properties(schema: dict[str, object]) -> dict[str, object]:
    found = schema.get("properties")
    assert isinstance(found, dict)
    return found
