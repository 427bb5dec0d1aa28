"""What tokens cost, offline, by genai-prices."""

from __future__ import annotations

import genai_prices


def price(
    model: str, prompt: int, cached: int, completion: int
) -> tuple[float, float] | tuple[None, None]:
    """Dollars for the prompt (`cached` is a part of it) and for the completion; None and None
    for a model that genai-prices does not know: that is unknown, not nothing."""
    tokens = genai_prices.Usage(
        input_tokens=prompt, cache_read_tokens=cached, output_tokens=completion
    )
    try:
        priced = genai_prices.calc_price(tokens, model)
    except LookupError:
        return None, None
    return float(priced.input_price), float(priced.output_price)
