"""Files that people put into forms: fetched from the platform's own host, small ones, as text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp
import structlog

from bot.commands.dispatch import Action
from bot.commands.drafts import work_again
from bot.domain.message import GivenFile
from bot.domain.reasons import ChannelReason
from bot.errors import PaperboyError, Refused, Unavailable
from bot.network import describe_error
from bot.profiles.given_work import LARGEST, decoded
from bot.views.making import files as views

log = structlog.get_logger()

_SECONDS: Final = 10.0
_PIECE: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}
_HTML: Final = "text/html"


@dataclass(frozen=True)
class FileReader:
    """Reads files of one platform. They are where its API is, or, for an API of the platform's own
    (the host `api`), on the host `files`. `login` are headers that go there and nowhere else.
    `refused` is said where the platform asks for a login instead."""

    platform: str
    api_url: str
    api: str
    files: str
    refused: str
    login: Mapping[str, str] = field(repr=False)
    proxy: str | None = field(default=None, repr=False)

    async def read(self, file: GivenFile) -> str:
        """The file's text. No other host is asked, whatever its address says, and no redirect is
        followed: a login page is where Slack sends an app without the right.

        Raises Refused, with what to do, and Unavailable.
        """
        if file.size > LARGEST:
            raise Refused(views.too_large())
        if not self._is_ours(file.url):
            raise Refused(views.elsewhere() if file.url else views.gone())
        try:
            async with asyncio.timeout(_SECONDS):
                return decoded(await self._content(file.url))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._away(describe_error(error)) from error

    async def _content(self, url: str) -> bytes:
        plain = {"Accept-Encoding": "identity"}  # what is packed may be larger than it seems
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                url, headers={**plain, **self.login}, allow_redirects=False, proxy=self.proxy
            ) as response,
        ):
            self._require_file(response)
            content = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                content += piece
                if len(content) > LARGEST:
                    raise Refused(views.too_large())
            return bytes(content)

    def _require_file(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status == 429 or status >= 500:
            raise self._away(f"status {status}")
        # Whom it doesn't know Slack answers with a page, whatever the file is.
        is_page = bool(self.login) and response.content_type == _HTML
        if 300 <= status < 400 or status in (401, 403) or is_page:
            raise Refused(self.refused)
        if status != 200:
            raise Refused(views.gone())
        if (response.content_length or 0) > LARGEST:
            raise Refused(views.too_large())

    def _is_ours(self, url: str) -> bool:
        try:
            asked, api = urlsplit(url), urlsplit(self.api_url)
            host = self.files if _host(api) == self.api else api.hostname
            ours = (api.scheme, host, _port(api))
            return ours == (asked.scheme, asked.hostname, _port(asked)) and asked.username is None
        except ValueError:  # a port that is none
            return False

    def _away(self, why: str) -> Unavailable:
        return Unavailable(views.away(self.platform, why), ChannelReason.CHAT_DOWN)


def with_files(
    action: Action,
    answers: Mapping[str, str],
    files: Mapping[str, GivenFile],
    reader: FileReader,
    submitted: Callable[[Mapping[str, str]], Action],
) -> Action:
    """The action of a form with files, by the names of their fields: who has the right to it has
    them read, and then it is `submitted` with their texts among the answers. Where one can't be
    read the form is to be shown again (FormAgain)."""

    async def read() -> Action:
        try:
            texts = {name: await reader.read(file) for name, file in files.items()}
        except PaperboyError as error:
            log.info("file not read", platform=reader.platform, why=str(error))
            raise work_again(answers, str(error)) from error
        return submitted({**answers, **texts})

    return replace(action, prepare=read) if files else action


def _host(url: SplitResult) -> str:
    return (url.hostname or "").removeprefix("www.")


def _port(url: SplitResult) -> int | None:
    return url.port or _PORTS.get(url.scheme)
