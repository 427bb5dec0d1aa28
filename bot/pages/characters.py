"""Which characters a page or a feed can have."""

from __future__ import annotations

import re
from typing import Final

# Control characters but for white space, surrogates and noncharacters: HTML forbids them (HTML
# Standard, "preprocessing the input stream"), and XML 1.0 has most of them not even escaped.
_PLANE_ENDS: Final = "".join(
    chr(plane + n) for plane in range(0, 0x110000, 0x10000) for n in (0xFFFE, 0xFFFF)
)
_NONE: Final = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_PLANE_ENDS}]"
)


def writable(text: str) -> str:
    """The text without characters that no page or feed can have."""
    return _NONE.sub("", text)
