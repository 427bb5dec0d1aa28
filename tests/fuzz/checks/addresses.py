"""Settings: addresses, and everything else the environment may say."""

from __future__ import annotations

from pydantic import ValidationError

from bot.endpoint import Endpoint, check_redis_url, parse_endpoint, require_schemes
from bot.settings import Settings
from tests.fuzz.promises import assert_explained, assert_plain, document

_ALIASES = {str(field.alias) for field in Settings.model_fields.values()}


def address(data: bytes) -> None:
    """An address is read the same again, and shows its password to nobody."""
    text = data.decode(errors="surrogateescape")
    try:
        found = parse_endpoint(text)
    except ValueError as error:
        assert_explained(error)
        return
    assert parse_endpoint(found.get_secret_value()) == found
    assert found.get_secret_value().isascii()
    assert found.port is None or 1 <= found.port <= 65535
    assert_plain(str(found), repr(found))
    shown = f"{found} {found!r}"
    for secret in found.secrets:
        assert secret in shown if secret in f"{found.scheme}://{found.host}:{found.port}" else True
    for check in (check_redis_url, require_schemes("http", "https", secret=True)):
        try:
            assert check(found) == found
        except ValueError as error:
            assert_explained(error)


def assert_quotes_nothing(error: ValidationError) -> None:
    """An error of a setting repeats no value, which may be secret."""
    assert "input_value" not in str(error)


def settings(data: bytes) -> None:
    """Settings are read or refused, and neither their print nor an error has a secret."""
    given = {name: value for name, value in document(data).items() if name in _ALIASES}
    try:
        found = Settings(_env_file=None, **given)
    except ValidationError as error:
        assert_quotes_nothing(error)
        return
    shown = f"{found!r} {found.model_dump_json()}"
    plain = " ".join(str(value) for _, value in found)  # an Endpoint shows its host, a token stars
    for secret in found.secrets:
        assert secret not in shown or secret in plain, "a secret is shown"
    assert all(isinstance(secret, str) for secret in found.secrets)
    assert isinstance(found.arxiv_rss_url, Endpoint)
    assert len(found.limits) == 2
