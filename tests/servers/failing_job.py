"""A job that fails with a secret in its error message, as a library's error might."""

from __future__ import annotations

from bot import settings


def raise_with_secret() -> None:
    """Raises RuntimeError from a ValueError that quotes an address with the key."""
    key = settings.load().openai_api_key
    assert key is not None
    try:
        raise ValueError(f"no answer from https://me:{key.get_secret_value()}@host/v1")
    except ValueError as error:
        raise RuntimeError(f"Bearer {key.get_secret_value()}") from error
