"""A model from the settings, and what its server was found out to be able to do."""

from __future__ import annotations

from functools import partial

from bot.domain.papers import fingerprint
from bot.settings import Settings
from bot.store.days import Store
from workers.judging.model import Model, of_openai
from workers.judging.ways import Ways


def model(
    settings: Settings, name: str, store: Store, flex: bool = False, base_url: str | None = None
) -> Model:
    """The model of that name on the settings' server, or the one at `base_url`, asked in the way
    that worked before; `flex` as in Model."""
    key, url = settings.openai_api_key, base_url
    if url is None and settings.openai_base_url:
        url = settings.openai_base_url.get_secret_value()
    server = fingerprint("openai" if url is None or of_openai(url) else url, name)
    return Model(
        name,
        key.get_secret_value() if key else None,
        url,
        settings.call_seconds,
        Ways.read(store.shape(server)),
        partial(store.put_shape, server),
        flex,
    )
