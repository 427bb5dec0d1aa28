"""A model that is asked only within a budget: set aside, ask, settle."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import Protocol

from bot.domain.budget import MaxCost, Payer, Purpose, Remaining, Reservation
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from bot.store.spending import Spending
from bot.views.cost import refusal_text
from workers.judging.batches import ModelReply
from workers.judging.prices import price_tokens

# A token of English is about four characters, of formulas two to three; of other scripts it may be
# less than one. Two, and for the rest a byte, which no tokenizer that works on bytes goes below.
_CHARACTERS_A_TOKEN = 2
# What a server puts around the parts of a prompt, and around the schema, which is part of it.
_FRAME_TOKENS = 200
# What an answer may have for each of the question's papers, and besides. A score is about 30 tokens
# without its comment of two sentences (30 to 80); a place in an order is an id; four claims are
# their two texts of 300 characters each. What is cut off there is asked for again in halves.
SCORE_TOKENS, PLACE_TOKENS, CLAIMS_TOKENS = 200, 20, 1000
_REPLY_TOKENS = 200
_POLL_SECONDS = 0.25


def max_call_cost(
    model: str, instructions: str, question: str, schema: Mapping[str, object], row_tokens: int
) -> MaxCost:
    """The most that a call can cost: the whole prompt written into a cache, which with some models
    is dearer than a prompt that is not, and the longest answer."""
    prompt = max_prompt_tokens(instructions, question, schema)
    output = _most_output(question, row_tokens)
    prompt_usd, output_usd = price_tokens(model, prompt, 0, output, written=prompt)
    if prompt_usd is None or output_usd is None:
        return MaxCost.of(None, prompt + output)
    return MaxCost.of(prompt_usd + output_usd, prompt + output)


def output_token_limit(papers: int, row_tokens: int) -> int:
    """What an answer about so many papers may have, in tokens, where there is a budget."""
    return _REPLY_TOKENS + row_tokens * papers


def _most_output(question: str, row_tokens: int) -> int:
    """Papers are the question's lines of JSON (prompting.line)."""
    return output_token_limit(
        sum(line.startswith("{") for line in question.split("\n")), row_tokens
    )


class LimitableModel(Protocol):
    """A model that ends its answer after `most_output` tokens, those of its reasoning among them;
    workers.llm.Model is one."""

    name: str

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        most_output: int,
    ) -> ModelReply: ...


def max_prompt_tokens(instructions: str, question: str, schema: Mapping[str, object]) -> int:
    """An upper bound on the tokens of a prompt of words and formulas. Nonsense of which every
    character is a token would cost up to twice as much, and is booked so when it is settled."""
    text = instructions + question + json.dumps(schema)
    plain = sum(map(str.isascii, text))
    bytes_ = len(text.encode("utf-8", "surrogatepass")) - plain
    return _FRAME_TOKENS + -(-plain // _CHARACTERS_A_TOKEN) + bytes_


class MeteredModel:
    """A model whose calls are paid by `payer`: none is made that a limit may not bear.

    A call that only has to wait until others are settled waits; calls are made in the order in
    which they came, so that the best are asked about first when it runs out.
    """

    def __init__(
        self,
        model: LimitableModel,
        payer: Payer,
        purpose: Purpose,
        spending: Spending,
        clock: Callable[[], datetime],
        row_tokens: int = SCORE_TOKENS,
    ) -> None:
        """`row_tokens` is the most an answer may have for each paper of its question."""
        self.name, self._model, self._row_tokens = model.name, model, row_tokens
        self._payer, self._purpose = payer, purpose
        self._spending, self._clock = spending, clock
        self._closed = threading.Event()
        self._line, self._tickets, self._turn = threading.Condition(), count(), 0

    def close(self) -> None:
        """Calls that wait for their turn are not made any more; those under way are settled."""
        self._closed.set()

    def ask(
        self, instructions: str, question: str, schema: dict[str, object], cache_key: str
    ) -> ModelReply:
        """One call, as the model answers it. Raises what the model does, and Refused (NO_BUDGET).

        What a time-out cost nobody knows: what was set aside counts as spent. So it does when this
        process is killed before the call is settled.
        """
        output = _most_output(question, self._row_tokens)
        reservation = self._reserved(self.max_cost(instructions, question, schema))
        try:
            bound = (output,) if self._payer.limited else ()
            reply = self._model.ask(instructions, question, schema, cache_key, *bound)
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
        return reply

    def max_cost(self, instructions: str, question: str, schema: Mapping[str, object]) -> MaxCost:
        """The most that a call can cost."""
        return max_call_cost(self.name, instructions, question, schema, self._row_tokens)

    def _reserved(self, reserve: MaxCost) -> Reservation:
        with self._line:
            ticket = next(self._tickets)
            self._line.wait_for(lambda: self._turn == ticket)
        try:
            return self._granted(reserve)
        finally:
            with self._line:
                self._turn += 1
                self._line.notify_all()

    def _granted(self, reserve: MaxCost) -> Reservation:
        while not self._closed.is_set():
            id, now = uuid.uuid4().hex, self._clock()
            said = self._spending.reserve(id, self._payer, reserve, self._purpose, now)
            if isinstance(said, Reservation):
                return said
            if not said.is_temporary:
                raise Refused(refusal_text(said), ModelReason.NO_BUDGET)
            self._closed.wait(_POLL_SECONDS)
        raise Refused("Nobody waits for this call any more.", ModelReason.STILL_AT_IT)


def affordable_papers(left: Remaining, paper: MaxCost) -> int | None:
    """How many papers can still be asked about when one costs about `paper`; None for any number.

    None at all when there is a limit in dollars and nobody knows the price.
    """
    rooms = []
    if left.nano is not None:
        rooms.append(0 if paper.nano is None else left.nano // max(1, paper.nano))
    if left.tokens is not None:
        rooms.append(left.tokens // max(1, paper.tokens))
    return min(rooms, default=None)
