"""Draws README.md's pictures from their golden files, and says how high a thread is.

    python -m tests.pictures

Needs Chromium (Debian's package `chromium`, with `fonts-lato`, `fonts-noto-core` and
`fonts-noto-color-emoji`). When a picture's golden file or its rendering changes, a test asks for
this.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from bot.errors import Refused
from tests.conftest import GOLDEN
from tests.pictures import chromium
from tests.pictures.day import RENDER, sent
from tests.pictures.page import page

FOLDER: Final = Path(__file__).parents[2] / "docs/pictures"
DRAWN_FROM: Final = FOLDER / "drawn_from.json"
WIDTH: Final = 480
# A channel, Slack's thread pane, a phone.
WIDTHS: Final = (760, 420, 390)


def source(chat: str) -> str:
    """The page that a chat's picture shows."""
    golden = GOLDEN / f"readme/{chat}_picture.json"
    head, *cards = json.loads(golden.read_text(encoding="utf-8"))
    return page(chat, [[head], cards], WIDTH)


def digests() -> dict[str, str]:
    """A hash of each picture's source."""
    return {
        f"{chat}.png": hashlib.sha256(source(chat).encode()).hexdigest()[:16] for chat in RENDER
    }


def main() -> None:
    for chat in RENDER:
        chromium.draw(source(chat), WIDTH, FOLDER / f"{chat}.png")
    DRAWN_FROM.write_text(json.dumps(digests(), indent=1) + "\n", encoding="utf-8")
    for chat in RENDER:
        head, *cards = sent(chat, 10)
        for what, shown in (("the parent", [head]), ("ten cards", cards)):
            found = chromium.heights([(page(chat, [shown], width), width) for width in WIDTHS])
            print(
                f"{chat}, {what}:", *(f"{h} px at {w}" for w, h in zip(WIDTHS, found, strict=True))
            )


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        raise SystemExit(str(refused)) from None
