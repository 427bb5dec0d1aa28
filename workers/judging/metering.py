"""A model that is asked only within a budget: reserve, ask, settle."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Protocol

from bot.domain.budget import MaxCost, Payer, Purpose, Remaining, Reservation
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from bot.store.spending import Spending
from bot.views.cost import refusal_text
from workers.judging.batches import ModelReply
from workers.judging.prices import price_tokens

# A token has about four characters of English, two to three of formulas; of other scripts it may
# have less than one. The bound: two ASCII characters, or one byte, which no byte-based tokenizer
# goes below.
_CHARACTERS_A_TOKEN = 2
# Tokens a server adds around the parts of a prompt, the schema being one.
_FRAME_TOKENS = 200
# The output tokens allowed per paper of a question, and in addition. A score takes about 20 tokens
# and its few words 10 to 20, up to 80 from a model that writes sentences all the same; a place
# among the best an id and two sentences of 16 and 8 words: 50 tokens in English, twice that in
# other scripts; each of four claims has two texts of 300 characters. Papers cut off by the limit
# are asked about again in halves.
SCORE_TOKENS, TOP_TOKENS, CLAIMS_TOKENS = 120, 150, 1000
_REPLY_TOKENS = 200
# So many times as many where nothing is limited and an answer ended before it came to its JSON: the
# model reasons first.
_REASONING_ROOM = 4
# A look at a close call is an id and two numbers, about 18 tokens, after whatever reasoning.
LOOK_TOKENS, REASONED_LOOK_TOKENS = 40, SCORE_TOKENS * _REASONING_ROOM
_POLL_SECONDS = 0.25


def max_call_cost(
    model: str,
    instructions: str,
    question: str,
    schema: Mapping[str, object],
    row_tokens: int,
    choices: int = 1,
) -> MaxCost:
    """An upper bound on a call's cost: the whole prompt written into a cache, which some models
    charge extra for, and the longest answer, so many times as there are `choices`."""
    prompt = max_prompt_tokens(instructions, question, schema)
    output = _most_output(question, row_tokens) * choices
    prompt_usd, output_usd = price_tokens(model, prompt, 0, output, written=prompt)
    if prompt_usd is None or output_usd is None:
        return MaxCost.of(None, prompt + output)
    return MaxCost.of(prompt_usd + output_usd, prompt + output)


def output_token_limit(papers: int, row_tokens: int) -> int:
    """The output tokens allowed for an answer about so many papers. A small model was seen to write
    580 for one comment, and would not have stopped."""
    return _REPLY_TOKENS + row_tokens * papers


def _most_output(question: str, row_tokens: int) -> int:
    """The output limit of a question, whose papers are its lines of JSON (prompts.paper_line)."""
    return output_token_limit(
        sum(line.startswith("{") for line in question.split("\n")), row_tokens
    )


class LimitableModel(Protocol):
    """A model that ends its answer after `most_output` tokens, reasoning included, and is waited
    for `patience` times as long as usual; judging.model.Model is one."""

    name: str

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int,
        patience: float = ...,
        choices: int = ...,
    ) -> ModelReply: ...


def max_prompt_tokens(instructions: str, question: str, schema: Mapping[str, object]) -> int:
    """An upper bound on the tokens of a prompt of words and formulas. Nonsense with a token per
    character would cost up to twice as much; settling books its true cost."""
    text = instructions + question + json.dumps(schema)
    plain = sum(map(str.isascii, text))
    bytes_ = len(text.encode("utf-8", "surrogatepass")) - plain
    return _FRAME_TOKENS + -(-plain // _CHARACTERS_A_TOKEN) + bytes_


class MeteredModel:
    """A model whose calls `payer` pays for; a call that might exceed a limit is not made.

    A call waits where settling others may make room for it. Calls are made in the order they came,
    so that the best papers are asked about first when the budget runs out. Answers are bounded also
    where nothing is limited; a model that reasons first gets more room there.
    """

    def __init__(
        self,
        model: LimitableModel,
        payer: Payer,
        purpose: Purpose,
        spending: Spending,
        clock: Callable[[], datetime],
        row_tokens: int = SCORE_TOKENS,
        patience: float = 1.0,
        choices: int = 1,
    ) -> None:
        """`row_tokens` are the output tokens allowed for each paper of a question; calls with long
        answers may take `patience` times as long as others; so many `choices` are asked for, each
        an answer by itself."""
        self.name, self._row_tokens, self._choices = model.name, row_tokens, choices
        unusual: dict[str, Any] = {"patience": patience} if patience != 1.0 else {}
        unusual |= {"choices": choices} if choices > 1 else {}
        self._ask: Callable[..., ModelReply] = partial(model.ask, **unusual)
        self._payer, self._purpose = payer, purpose
        self._spending, self._clock = spending, clock
        self._closed = threading.Event()
        self._queue, self._tickets, self._turn = threading.Condition(), count(), 0
        self._room = 1

    def close(self) -> None:
        """Make no further call; those under way are still settled."""
        self._closed.set()

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], cache_key: str
    ) -> ModelReply:
        """Make one call. Raises what the model does, and Refused (NO_BUDGET).

        The cost of a timed-out call is unknown, so its reservation counts as spent; so does that of
        a call whose process was killed before settling it.
        """
        reservation = self._reserved(lambda: self.max_cost(instructions, question, schema))
        output = _most_output(question, self._row_tokens) * self._room
        try:
            reply = self._ask(instructions, question, schema, cache_key, output)
        except Refused:
            self._spending.give_back(reservation)
            raise
        except Unavailable as error:
            if error.outcome_unknown or error.reason is ModelReason.MODEL_SLOW:
                self._spending.settle(reservation, None)
            else:
                self._spending.give_back(reservation)
            raise
        self._spending.settle(reservation, reply.usage)
        reasoned = reply.reason is ModelReason.CUT_OFF and "{" not in (reply.text or "")
        if reasoned and not self._payer.limited:
            self._room = _REASONING_ROOM
        return reply

    def max_cost(self, instructions: str, question: str, schema: Mapping[str, object]) -> MaxCost:
        """An upper bound on a call's cost."""
        asked = instructions, question, schema
        return max_call_cost(self.name, *asked, self._row_tokens, self._choices)

    def _reserved(self, max_cost: Callable[[], MaxCost]) -> Reservation:
        """Reserve a call's cost, computed in its turn: a shorter question, whose cost is known
        sooner, does not go first."""
        with self._queue:
            ticket = next(self._tickets)
            self._queue.wait_for(lambda: self._turn == ticket)
        try:
            return self._granted(max_cost())
        finally:
            with self._queue:
                self._turn += 1
                self._queue.notify_all()

    def _granted(self, reserve: MaxCost) -> Reservation:
        while not self._closed.is_set():
            id, now = uuid.uuid4().hex, self._clock()
            outcome = self._spending.reserve(id, self._payer, reserve, self._purpose, now)
            if isinstance(outcome, Reservation):
                if not self._closed.is_set():
                    return outcome
                # The database was away for so long that whoever waited has given up.
                self._spending.give_back(outcome)
                break
            if not outcome.is_temporary:
                raise Refused(refusal_text(outcome), ModelReason.NO_BUDGET)
            self._closed.wait(_POLL_SECONDS)
        raise Refused("No one is waiting for this call any more.", ModelReason.STILL_AT_IT)


def affordable_papers(left: Remaining, paper: MaxCost) -> int | None:
    """How many papers the budget still pays for at about `paper` each; None for any number, and 0
    where the limit is in dollars and the price is unknown."""
    rooms = []
    if left.nano is not None:
        rooms.append(0 if paper.nano is None else left.nano // max(1, paper.nano))
    if left.tokens is not None:
        rooms.append(left.tokens // max(1, paper.tokens))
    return min(rooms, default=None)
