"""The environment, read once, and secrets that stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import settings
from bot.errors import Refused
from bot.safe_text import safe


def test_without_anything_papers_are_ranked_locally_and_kept_at_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    found = settings.load()
    assert found.judge_model is None
    assert found.redis_url is None
    assert found.data_dir == Path("/somewhere/paperboy")


def test_a_key_or_a_server_of_ones_own_makes_a_model_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert settings.load().judge_model == "gpt-6-luna"
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("PAPERBOY_MODEL", "llama")
    assert settings.load().judge_model == "llama"


def test_an_env_file_here_is_read_and_empty_settings_are_none() -> None:
    Path(".env").write_text("PAPERBOY_MODEL=from-file\nOPENAI_API_KEY=\n")
    found = settings.load()
    assert found.model == "from-file"
    assert found.openai_api_key is None


def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAPERBOY_CALLS_AT_ONCE", "sk-secret")
    with pytest.raises(Refused) as raised:
        settings.load()
    assert "PAPERBOY_CALLS_AT_ONCE" in str(raised.value)
    assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize("keys", ["short", "é" * 44, "AAAA,", f"{'A' * 43}=,{'hunter2' * 6}"])
def test_what_is_no_key_to_encrypt_with_is_refused_without_being_repeated(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("PAPERBOY_SECRETS_KEY", keys)
    with pytest.raises(Refused) as raised:
        settings.load()
    assert "PAPERBOY_SECRETS_KEY: it is no key; head -c 32" in str(raised.value)
    assert not {part for part in keys.split(",") if part and part in str(raised.value)}


def test_each_key_to_encrypt_with_is_masked_in_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = "A" * 43 + "=", "B" * 43 + "="
    monkeypatch.setenv("PAPERBOY_SECRETS_KEY", f"{one}, {other}")
    found = settings.load()
    assert safe(f"{one} {other}") == "*** ***"
    assert found.sealer
    assert found.sealer.open(found.sealer.seal("x", "me"), "me") == "x"
    assert one not in repr(found)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://user:hunter2@host")
    found = settings.load()
    assert "hunter2" not in repr(found) + str(found) + str(found.model_dump())


def test_a_client_id_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "A0123")
    with pytest.raises(Refused, match="SLACK_CLIENT_ID: it should be two numbers"):
        settings.load()


def test_tokens_of_workspaces_are_masked_by_their_shape() -> None:
    for token in ("xoxb-12345-abcdef", "xoxe.xoxb-1-Mi0yLTEyMzQ1", "xoxe-1-My0xLTEyMzQ1"):
        assert token[8:] not in safe(f"error at {token}: gone")
    assert safe("SLACK_BOT_TOKEN (xoxb-...)") == "SLACK_BOT_TOKEN (xoxb-...)"
