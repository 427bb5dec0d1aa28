"""One version of a workspace's own profile; no I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.domain.papers import Profile, Value

# Versions of a profile that are kept.
VERSIONS_KEPT: Final = 50


class ProfileVersion(Value):
    """What counts under a profile's name from a moment on (None: nothing, it was deleted), and who
    made it so; nobody did where it ships with Paperboy, or is older than its versions."""

    profile: Profile | None
    by: str = ""
    at: datetime
