"""The environment, read once, and secrets that stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import settings
from bot.errors import Refused


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


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("REDIS_URL", "redis://user:hunter2@host")
    found = settings.load()
    assert "hunter2" not in repr(found) + str(found) + str(found.model_dump())
