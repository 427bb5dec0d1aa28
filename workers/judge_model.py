"""A model from the settings, and what its server was found out to be able to do."""

from __future__ import annotations

from functools import partial

from bot.domain import fingerprint
from bot.settings import Settings
from bot.store import Store
from workers.llm import Model, Shape


def model(settings: Settings, name: str, store: Store, flex: bool = False) -> Model:
    """The model of that name on the settings' server, asked in the shape that worked before;
    `flex` as in Model."""
    key = settings.openai_api_key
    base_url = settings.openai_base_url.get_secret_value() if settings.openai_base_url else None
    server = fingerprint(base_url or "openai", name)
    known = store.shape(server)
    return Model(
        name,
        key.get_secret_value() if key else None,
        base_url,
        settings.call_seconds,
        Shape(known) if known else Shape.SCHEMA,
        partial(store.put_shape, server),
        flex,
    )
