"""Prices tokens offline, by genai-prices."""

from __future__ import annotations

import genai_prices
from genai_prices.types import PriceContext

from bot.domain.digest import Usage
from workers.judging.api_replies import TokenCounts

# A paid call whose server reports no tokens.
UNKNOWN = Usage(calls=1, prompt_usd=None, completion_usd=None)


def price_tokens(
    model: str,
    prompt: int,
    cached: int,
    completion: int,
    written: int = 0,
    tier: str | None = None,
) -> tuple[float, float] | tuple[None, None]:
    """Dollars for the prompt and for the completion; None and None for a model that genai-prices
    does not know. `cached` tokens, read from a cache, and `written` ones are part of `prompt`;
    `tier` is OpenAI's service tier, as the answer names it.
    """
    tokens = genai_prices.Usage(
        input_tokens=prompt,
        cache_read_tokens=cached,
        cache_write_tokens=min(written, prompt - cached),
        output_tokens=completion,
    )
    context: PriceContext | None = {"service_tier": tier} if tier else None
    try:
        priced = genai_prices.calc_price(tokens, model, price_context=context)
    except LookupError:
        return None, None
    return float(priced.input_price), float(priced.output_price)


def paid(model: str, counts: TokenCounts | None, tier: str | None = None) -> Usage:
    """One call's usage; its cost is unknown where the answer reports no usable counts, or the price
    is not known."""
    if counts is None:
        return UNKNOWN
    prompt_usd, completion_usd = price_tokens(
        model, counts.prompt, counts.cached, counts.completion, counts.written, tier
    )
    return Usage(
        calls=1,
        prompt_tokens=counts.prompt,
        cached_tokens=counts.cached,
        completion_tokens=counts.completion,
        reasoning_tokens=counts.reasoning,
        prompt_usd=prompt_usd,
        completion_usd=completion_usd,
    )
