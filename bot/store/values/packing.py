"""Long texts that are read seldom, packed: deflate with a dictionary, in ASCII, as the rest is."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from importlib.resources import files
from typing import Final

# The first character of a packed text. JSON, numbers and dates never begin with it.
_MARK: Final = "~"
# Shorter texts do not become shorter.
_SHORT: Final = 200
# Unpacked characters; a backup may come from anyone.
_LONGEST: Final = 20_000_000


def packed(text: str) -> str:
    """The text in about half its length; a short one as it is."""
    if len(text) < _SHORT:
        return text
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zdict=_dictionary())
    data = packer.compress(text.encode()) + packer.flush()
    return _MARK + base64.b85encode(data).decode("ascii")


def unpacked(text: str) -> str:
    """The inverse; a text that is not packed as it is. Raises ValueError."""
    if not text.startswith(_MARK):
        return text
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS, _dictionary())
    try:
        data = unpacker.decompress(base64.b85decode(text[1:]), _LONGEST)
    except zlib.error:
        raise ValueError("it is packed, and cannot be unpacked") from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is packed, and not whole")
    return data.decode()


@cache
def _dictionary() -> bytes:
    """Titles, abstracts and field names such as most texts have. What is packed can be unpacked
    with the same bytes only: the file never changes."""
    return (files("bot.store.values") / "dictionary.txt").read_bytes()
