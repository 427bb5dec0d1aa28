"""The environment (or a .env file), read once; the only place that reads it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.budget import Limits
from bot.domain.request import Address
from bot.endpoint import REDIS_SCHEMES, Endpoint, check_redis_url, require_schemes
from bot.errors import Refused
from bot.safe_text import register_secrets
from bot.sealing import Sealer, split_keys


def _data_dir() -> Path:
    """XDG's folder for a program's data, which does not depend on the current folder."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "paperboy"


def _token(secret: SecretStr) -> SecretStr:
    """Refused here because libraries put a token into a header, and quote all of it in the error
    when it does not fit there."""
    text = secret.get_secret_value().strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it has a space, a line break or a letter that no token has")
    return SecretStr(text)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has a character that can't be printed")
    return text


def _with_scheme(given: object) -> object:
    """A model's server is often set to its host alone: the error says what to write, and repeats
    the host only when it is this machine or an IP address."""
    if isinstance(given, str) and given.strip() and "://" not in given:
        near = re.match(
            r"(localhost|[0-9]{1,3}(\.[0-9]{1,3}){3})(:[0-9]{1,5})?(?=/|$)", given.strip()
        )
        write = f"http://{near[0]}/v1" if near else "https:// before it and /v1 at its end"
        raise ValueError(f"it has no scheme; write {write}")
    return given


def _sealing_keys(secret: SecretStr) -> SecretStr:
    split_keys(secret.get_secret_value())
    return secret


_CHANNEL = re.compile(
    r"slack:T[A-Z0-9]{1,20}:[CG][A-Z0-9]{1,20}|discord:[0-9]{1,20}:[0-9]{1,20}", re.ASCII
)


def _channel(text: str | None) -> str | None:
    """A channel by the platform's ids: names change, and may be another workspace's."""
    if text and not _CHANNEL.fullmatch(text):
        raise ValueError(
            "it should be slack:TEAM:CHANNEL or discord:SERVER:CHANNEL, by their ids, "
            "such as slack:T0123ABCD:C0456EFGH"
        )
    return text


def _client_id(text: str | None) -> str | None:
    if text and not re.fullmatch(r"[0-9]{1,30}\.[0-9]{1,30}", text, re.ASCII):
        raise ValueError("it should be two numbers with a point between them, as Slack shows it")
    return text


def _dsn(found: Endpoint) -> Endpoint:
    if not re.fullmatch(r"https?://[^/:@]+@[^@]+/[0-9]+", found.get_secret_value(), re.ASCII):
        raise ValueError("it should be https://KEY@HOST/NUMBER, as Sentry shows it")
    return found


_Token = Annotated[SecretStr, AfterValidator(_token)]
_SealingKeys = Annotated[SecretStr, AfterValidator(_sealing_keys)]
_Redis = Annotated[
    Endpoint,
    AfterValidator(require_schemes(*REDIS_SCHEMES, secret=True, query=True)),
    AfterValidator(check_redis_url),
]
_Web = Annotated[Endpoint, AfterValidator(require_schemes("http", "https", secret=True))]
_Query = Annotated[
    Endpoint, AfterValidator(require_schemes("http", "https", secret=True, query=True))
]
_Dsn = Annotated[
    Endpoint, AfterValidator(require_schemes("http", "https", secret=True)), AfterValidator(_dsn)
]
# These clients send the token, or a person's key, in place of a name and a password.
_Chat = Annotated[Endpoint, AfterValidator(require_schemes("http", "https", secret=False))]
# This one is shown to people.
_Public = Annotated[Endpoint, AfterValidator(require_schemes("http", "https", secret=False))]
_Gateway = Annotated[Endpoint, AfterValidator(require_schemes("ws", "wss", secret=True))]

_ARXIV_RSS: Final = Endpoint("https://rss.arxiv.org/rss")
_ARXIV_API: Final = Endpoint("https://export.arxiv.org/api/query")
_ARXIV_OAI: Final = Endpoint("https://oaipmh.arxiv.org/oai")
_SLACK: Final = Endpoint("https://slack.com/api/")
_DISCORD: Final = Endpoint("https://discord.com/api/v10")
_GATEWAY: Final = Endpoint("wss://gateway.discord.gg/")
_ZOTERO: Final = Endpoint("https://api.zotero.org")


class Settings(BaseSettings):
    """Every setting. A print, a log or an error shows secrets as stars, and of an address only
    scheme and host."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    redis_url: _Redis | None = Field(default=None, alias="REDIS_URL")
    openai_api_key: _Token | None = Field(default=None, alias="OPENAI_API_KEY")
    openai_base_url: Annotated[_Web | None, BeforeValidator(_with_scheme)] = Field(
        default=None, alias="OPENAI_BASE_URL"
    )
    model: Annotated[str, AfterValidator(_one_line)] = Field(
        default="gpt-6-luna", alias="PAPERBOY_MODEL"
    )
    calls_at_once: int = Field(default=16, ge=1, le=256, alias="PAPERBOY_CALLS_AT_ONCE")
    call_seconds: float = Field(default=25.0, ge=1, le=3600, alias="PAPERBOY_CALL_SECONDS")
    day_usd: float | None = Field(default=None, ge=0, alias="PAPERBOY_DAY_USD")
    month_usd: float | None = Field(default=None, ge=0, alias="PAPERBOY_MONTH_USD")
    day_tokens: int | None = Field(default=None, ge=0, alias="PAPERBOY_DAY_TOKENS")
    month_tokens: int | None = Field(default=None, ge=0, alias="PAPERBOY_MONTH_TOKENS")
    profile_day_usd: float | None = Field(default=None, ge=0, alias="PAPERBOY_PROFILE_DAY_USD")
    profile_month_usd: float | None = Field(default=None, ge=0, alias="PAPERBOY_PROFILE_MONTH_USD")
    profile_day_tokens: int | None = Field(default=None, ge=0, alias="PAPERBOY_PROFILE_DAY_TOKENS")
    profile_month_tokens: int | None = Field(
        default=None, ge=0, alias="PAPERBOY_PROFILE_MONTH_TOKENS"
    )
    second_look: bool = Field(default=True, alias="PAPERBOY_SECOND_LOOK")
    meaning: bool = Field(default=True, alias="PAPERBOY_MEANING")
    why_calls: int = Field(default=200, ge=0, alias="PAPERBOY_WHY_CALLS")
    arxiv_rss_url: _Web = Field(default=_ARXIV_RSS, alias="ARXIV_RSS_URL")
    arxiv_api_url: _Query = Field(default=_ARXIV_API, alias="ARXIV_API_URL")
    arxiv_oai_url: _Query = Field(default=_ARXIV_OAI, alias="ARXIV_OAI_URL")
    slack_bot_token: _Token | None = Field(default=None, alias="SLACK_BOT_TOKEN")
    slack_app_token: _Token | None = Field(default=None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: _Token | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    slack_client_id: Annotated[str | None, AfterValidator(_client_id)] = Field(
        default=None, alias="SLACK_CLIENT_ID"
    )
    slack_client_secret: _Token | None = Field(default=None, alias="SLACK_CLIENT_SECRET")
    slack_redirect_uri: _Web | None = Field(default=None, alias="SLACK_REDIRECT_URI")
    slack_api_url: _Chat = Field(default=_SLACK, alias="SLACK_API_URL")
    discord_token: _Token | None = Field(default=None, alias="DISCORD_TOKEN")
    discord_shards: int = Field(default=1, ge=0, le=1000, alias="DISCORD_SHARDS")
    discord_api_url: _Chat = Field(default=_DISCORD, alias="DISCORD_API_URL")
    discord_gateway_url: _Gateway = Field(default=_GATEWAY, alias="DISCORD_GATEWAY_URL")
    zotero_api_url: _Chat = Field(default=_ZOTERO, alias="ZOTERO_API_URL")
    secrets_key: _SealingKeys | None = Field(default=None, alias="PAPERBOY_SECRETS_KEY")
    window_hours: float = Field(default=12, ge=0, le=20, alias="PAPERBOY_WINDOW_HOURS")
    say_quiet_days: bool = Field(default=False, alias="PAPERBOY_SAY_QUIET_DAYS")
    admins_only: bool = Field(default=False, alias="PAPERBOY_ADMINS_ONLY")
    catch_up_days: int = Field(default=5, ge=1, le=30, alias="PAPERBOY_CATCH_UP_DAYS")
    host: Annotated[str, AfterValidator(_one_line)] = Field(
        default="127.0.0.1", alias="PAPERBOY_HOST"
    )
    port: int = Field(default=3000, ge=1, le=65535, alias="PAPERBOY_PORT")
    operator_channel: Annotated[str | None, AfterValidator(_channel)] = Field(
        default=None, alias="PAPERBOY_OPERATOR_CHANNEL"
    )
    watch_host: Annotated[str, AfterValidator(_one_line)] = Field(
        default="127.0.0.1", alias="PAPERBOY_WATCH_HOST"
    )
    watch_port: int = Field(default=3001, ge=0, le=65535, alias="PAPERBOY_WATCH_PORT")
    sentry_dsn: _Dsn | None = Field(default=None, alias="SENTRY_DSN")
    api_host: Annotated[str, AfterValidator(_one_line)] = Field(
        default="127.0.0.1", alias="PAPERBOY_API_HOST"
    )
    api_port: int = Field(default=0, ge=0, le=65535, alias="PAPERBOY_API_PORT")
    api_url: _Public | None = Field(default=None, alias="PAPERBOY_API_URL")
    data_dir: Path = Field(default_factory=_data_dir, alias="PAPERBOY_DATA_DIR")

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        try:
            return path.expanduser().absolute()
        except (RuntimeError, OSError):  # an unknown ~user; a current folder that is gone
            raise ValueError("it names a folder that can't be found") from None

    @property
    def configured_platforms(self) -> tuple[str, ...]:
        """The platforms with a token or a secret; runtime.platforms says whether they can work."""
        slack = self.slack_bot_token or self.slack_app_token or self.slack_signing_secret
        slack = slack or self.slack_client_secret
        given = {"slack": slack or self.slack_client_id, "discord": self.discord_token}
        return tuple(name for name, token in given.items() if token)

    @property
    def chat_tokens(self) -> tuple[str, ...]:
        """What says which chats a bot serves: secret, to be told apart by and not shown."""
        tokens = (self.slack_bot_token, self.slack_client_secret, self.discord_token)
        return tuple(token.get_secret_value() for token in tokens if token)

    @property
    def served_url(self) -> str:
        """Where people's programs find the API; empty where it is not served."""
        if self.api_port == 0:
            return ""
        given = self.api_url.get_secret_value() if self.api_url else ""
        return given.rstrip("/") or f"http://{self.api_host}:{self.api_port}"

    @property
    def has_many_workspaces(self) -> bool:
        """Whether workspaces of Slack's install Paperboy, each with a token of its own."""
        return bool(self.slack_client_id and self.slack_client_secret)

    @property
    def slack_client(self) -> tuple[str, str, Sealer]:
        """The id and the secret of the app that workspaces install, and what seals their tokens.
        Raises ValueError where one is missing."""
        id, secret, sealer = self.slack_client_id, self.slack_client_secret, self.sealer
        if not id or not secret or not sealer:
            raise ValueError("SLACK_CLIENT_ID, SLACK_CLIENT_SECRET or PAPERBOY_SECRETS_KEY")
        return id, secret.get_secret_value(), sealer

    @property
    def operator_address(self) -> Address | None:
        """The channel that hears of troubles."""
        if self.operator_channel is None:
            return None
        platform, workspace, channel = self.operator_channel.split(":")
        return Address(platform=platform, workspace=workspace, channel=channel)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log, error or store may contain."""
        found = list[str]()
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                found.append(value.get_secret_value())
            elif isinstance(value, Endpoint):
                found += value.secrets
        if self.secrets_key:
            found += split_keys(self.secrets_key.get_secret_value())
        return tuple(found)

    @property
    def sealer(self) -> Sealer | None:
        """What people's own keys are stored with; None where no key for that is set."""
        keys = self.secrets_key
        return Sealer(split_keys(keys.get_secret_value())) if keys else None

    @property
    def limits(self) -> tuple[Limits, Limits]:
        """What a workspace may spend, and what one of its profiles may spend."""
        own, profile = (
            {name: getattr(self, before + name) for name in Limits.model_fields}
            for before in ("", "profile_")
        )
        return Limits(**own), Limits(**profile)

    @property
    def judge_model(self) -> str | None:
        """The model that judges papers, or None without a key or a server for it: then papers are
        ranked locally."""
        return self.model if self.openai_api_key or self.openai_base_url else None


def load() -> Settings:
    """Read the environment, and register its secrets to be masked in logs.

    Raises Refused with one line per wrong variable; it repeats no value, which may be secret.
    """
    try:
        found = Settings()
        register_secrets(found.secrets)
        return found
    except ValidationError as error:
        lines = [
            f"{e['loc'][0]}: {e.get('ctx', {}).get('error') or e['msg'].lower()}."
            for e in error.errors(include_input=False)
        ]
        raise Refused("These settings are invalid:\n" + "\n".join(lines)) from None
    except (OSError, RuntimeError, UnicodeDecodeError):  # no home, no folder, no text
        why = "The settings can't be read. Check .env, HOME and PAPERBOY_DATA_DIR."
        raise Refused(why) from None
