"""What several commands take: a profile's name, which a shell completes; and the terminal's own."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.domain.request import Address
from bot.profiles import library

TERMINAL_ADDRESS = Address(platform="terminal", channel="main")
FIRST_PROFILE = "foundations"


def _complete(incomplete: str) -> list[str]:
    """For the shell (--install-completion): names of profiles that ship."""
    return [name for name in library.shipped() if name.startswith(incomplete)]


PROFILE = typer.Argument(help="A profile's name, or a TOML file.", autocompletion=_complete)
ProfileName = Annotated[str, PROFILE]
