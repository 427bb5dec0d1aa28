"""Jobs that fail: with a secret in the message, as a library's error might, or by no fault."""

from __future__ import annotations

from bot import settings
from bot.store.values.lease import LeaseLost


def raise_with_secret() -> None:
    """Raises RuntimeError from a ValueError that quotes an address with the key."""
    key = settings.load().openai_api_key
    assert key is not None
    try:
        raise ValueError(f"no answer from https://me:{key.get_secret_value()}@host/v1")
    except ValueError as error:
        raise RuntimeError(f"Bearer {key.get_secret_value()}") from error


def lose_lease() -> None:
    """Raises LeaseLost, as when another worker has taken the work over."""
    raise LeaseLost("key")
