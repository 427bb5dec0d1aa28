"""Addresses: understood or refused in one sentence, and their passwords shown nowhere."""

from __future__ import annotations

import json
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import parse_url

from bot import settings
from bot.endpoint import Endpoint, check_redis_url, parse_endpoint
from bot.errors import Refused
from bot.settings import Settings

ADDRESSES = (
    "REDIS_URL",
    *("OPENAI_BASE_URL", "SLACK_API_URL", "DISCORD_API_URL", "DISCORD_GATEWAY_URL"),
    *("ARXIV_RSS_URL", "ARXIV_API_URL"),
)
WHOLE = {"REDIS_URL": "redis", "DISCORD_GATEWAY_URL": "wss"}
HUSH = "hunter2hunter2"


@pytest.mark.parametrize(
    "password", ["pa/ss", "pa#ss", "pa?ss", "pa@ss", "50%off", "a:b", "sp ace", "ü", "/#?@%:/"]
)
def test_a_password_with_any_character_reaches_redis_as_it_was_meant(password: str) -> None:
    found = check_redis_url(parse_endpoint(f"redis://:{password}@127.0.0.1:6379/3"))
    read = parse_url(found.get_secret_value())
    assert (read["password"], read["host"], read["port"], read["db"]) == (
        *(password, "127.0.0.1"),
        *(6379, 3),
    )
    assert str(found) == "redis://127.0.0.1:6379"


def test_what_is_percent_encoded_already_stays_so() -> None:
    found = parse_endpoint("https://user:pa%2Fss@proxy.example/v1")
    assert found.get_secret_value() == "https://user:pa%2Fss@proxy.example/v1"


@given(
    name=st.text(max_size=8),
    password=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(
        lambda word: HUSH + word + HUSH
    ),
    scheme=st.sampled_from(["redis", "rediss", "https", "wss", "redis+sentinel"]),
    host=st.sampled_from(["example.org", "127.0.0.1:80", "[::1]:6379", "", "h:x", "a..b", "a:1,b"]),
    tail=st.sampled_from(["", "/0", "/v1", "/x/@me", "#", "?a=b"]),
)
def test_no_address_shows_its_password_whatever_stands_in_it(
    name: str, password: str, scheme: str, host: str, tail: str
) -> None:
    try:
        found = parse_endpoint(f"{scheme}://{name}:{password}@{host}{tail}")
    except ValueError as error:
        said = str(error)
    else:
        said = "".join((str(found), repr(found), f"{found!s:>9}", repr({"at": [found]})))
        assert pickle.loads(pickle.dumps(found)) == found  # it goes to a child process, whole
        assert any(HUSH in secret for secret in found.secrets)
    assert HUSH not in said


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{host}:1234", "no scheme"),
        ("ftp://{host}", "should begin with"),
        ("{scheme}://", "names no host"),
        ("{scheme}://:1234/", "names no host"),
        ("{scheme}://{host}:99999/", "port"),
        ("{scheme}://{host}:0/", "port"),
        ("{scheme}://{host}:12x/", "port"),
        ("{scheme}://{host}..org/", "host"),
        ("{scheme}://" + "h" * 64 + "/", "host"),
        ("{scheme}://[::x]/", "host"),
        ("{scheme}://two words/", "host"),
        ("{scheme}://{host}/0#there", "#"),
        ("{scheme}://a:1/b@{host}/0", "@"),
    ],
)
def test_an_unusable_address_gets_one_sentence_that_does_not_quote_it(
    name: str, said: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = said.format(scheme=WHOLE.get(name, "https"), host=HUSH)
    monkeypatch.setenv(name, url)
    with pytest.raises(Refused) as raised:
        settings.load()
    (_, sentence) = str(raised.value).splitlines()
    assert sentence.startswith(f"{name}: it")
    assert why in sentence
    assert HUSH not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("name", "url", "why"),
    [
        ("REDIS_URL", "redis://host/zero", "number of a database"),
        ("REDIS_URL", "redis://host/0?retries=3", "option"),
        ("REDIS_URL", "redis://host/0?socket_timeout=soon", "option"),
        ("REDIS_URL", "unix://", "socket"),
        ("REDIS_URL", "unix:///tmp/a\x1b[31m.sock", "printed"),
        ("REDIS_URL", "unix:///tmp/a%00.sock", "printed"),
        ("REDIS_URL", "https://host/0", "redis://"),
        ("OPENAI_BASE_URL", "https://host/v1?key=x", "?"),
        ("SLACK_API_URL", f"https://a:{HUSH}@host/api/", "token"),
        ("DISCORD_API_URL", f"https://a:{HUSH}@host/api/", "token"),
        ("DISCORD_GATEWAY_URL", "https://gateway", "ws:// or wss://"),
        ("SLACK_BOT_TOKEN", f"xoxb-{HUSH}\nx", "line break"),
        ("OPENAI_API_KEY", f"sk-{HUSH}-ü", "letter"),
        ("DISCORD_TOKEN", f"{HUSH} x", "space"),
        ("PAPERBOY_MODEL", "gpt\x1b[31m", "printed"),
        ("PAPERBOY_DATA_DIR", "~nobody-of-that-name/x", "folder"),
    ],
)
def test_a_setting_that_a_library_would_choke_on_is_refused_at_start(
    name: str, url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(Refused) as raised:
        settings.load()
    assert f"\n{name}: it " in str(raised.value)
    assert why in str(raised.value)
    assert HUSH not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_an_env_file_that_is_no_text_is_one_sentence(tmp_path: object) -> None:
    with open(".env", "wb") as file:
        file.write(b"OPENAI_API_KEY=\xff\xfe\n")
    with pytest.raises(Refused, match=r"\.env"):
        settings.load()


def test_no_dump_of_the_settings_has_a_password() -> None:
    urls = {name: f"{WHOLE.get(name, 'https')}://u:{HUSH}@host" for name in ADDRESSES}
    del urls["SLACK_API_URL"], urls["DISCORD_API_URL"]
    found = Settings.model_validate(urls)
    shown = [repr(found), str(found), str(found.model_dump()), found.model_dump_json()]
    shown.append(json.dumps(found.model_dump(), default=str))
    assert all(HUSH not in text for text in shown)
    assert found.arxiv_rss_url == Endpoint(f"https://u:{HUSH}@host")
