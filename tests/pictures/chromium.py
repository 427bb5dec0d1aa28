"""A headless Chromium: it draws a page, and says how high pages are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path

from bot.errors import Refused

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60
# Every frame loads, then the title has their heights.
_MEASURE = """<script>addEventListener("load", () => { document.title = JSON.stringify(
[...document.querySelectorAll("iframe")].map(f => f.contentDocument.body.offsetHeight))
})</script>"""


def draw(page: str, width: int, to: Path) -> None:
    """Draw a page at one and a half times its size. Raises Refused without Chromium."""
    (height,) = heights([(page, width)])
    size = f"--window-size={width},{height}"
    drawn = to.resolve()
    _run(page, size, "--force-device-scale-factor=1.5", f"--screenshot={drawn}")


def heights(pages: Sequence[tuple[str, int]]) -> list[int]:
    """The height in pixels of each page of some width. Raises Refused without Chromium."""
    frames = "".join(
        f'<iframe width="{width}" height="10" srcdoc="{escape(page)}"></iframe>'
        for page, width in pages
    )
    shown = _run(f'<!doctype html><meta charset="utf-8">{frames}{_MEASURE}', "--dump-dom")
    found: list[int] = json.loads(_title(shown))
    return found


def is_here() -> bool:
    return _program() is not None


def title_of(address: str) -> str:
    """The title that a page has given itself, once its scripts are done. Raises Refused without
    Chromium."""
    return _title(_visit(address, "--dump-dom"))


def _title(shown: str) -> str:
    title = re.search(r"<title>(.*?)</title>", shown)
    if title is None:
        raise Refused("Chromium measured nothing.")
    return unescape(title[1])


def _program() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _run(page: str, *options: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.html")
        file.write_text(page, encoding="utf-8")
        return _visit(file.as_uri(), *options)


def _visit(address: str, *options: str) -> str:
    program = _program()
    if program is None:
        raise Refused(f"To draw pictures, install Chromium: none of {', '.join(_NAMES)} is here.")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to run otherwise
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [program, "--headless", *as_root, "--disable-gpu", "--hide-scrollbars",
             "--virtual-time-budget=5000", f"--user-data-dir={folder}/profile", *options, address],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode:
        raise Refused(f"Chromium ended with status {done.returncode}.")
    return done.stdout
