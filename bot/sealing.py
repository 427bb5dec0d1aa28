"""Secrets of people and workspaces, sealed with a key of the environment before they are stored."""

from __future__ import annotations

import base64
from collections.abc import Sequence


class Sealer:
    """Seals with the first of its keys, and opens what any of them sealed: so a key is replaced by
    a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` as split_keys returns them."""
        from cryptography.fernet import Fernet, MultiFernet  # most processes seal nothing

        self._newest = Fernet(keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str, owner: str) -> str:
        """What can be stored; it opens for this owner alone."""
        return self._fernet.encrypt(f"{owner}\n{secret}".encode()).decode()

    def open(self, sealed: str, owner: str) -> str | None:
        """The secret; None where no key opens it, and where it is somebody else's."""
        from cryptography.fernet import InvalidToken

        try:
            found, _, secret = self._fernet.decrypt(sealed.encode()).decode().partition("\n")
        except (InvalidToken, UnicodeError):
            return None
        return secret if found == owner else None

    def is_of_first_key(self, sealed: str) -> bool:
        """Whether it stays open once the other keys are taken away."""
        from cryptography.fernet import InvalidToken

        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def split_keys(text: str) -> tuple[str, ...]:
    """The keys of a setting, which has commas between several. Raises ValueError with a clause that
    repeats none of it."""
    keys = tuple(key.strip() for key in text.split(","))
    for key in keys:
        try:
            is_key = len(base64.urlsafe_b64decode(key.encode("ascii"))) == 32
        except ValueError:
            is_key = False
        if not is_key:
            raise ValueError(
                "it is no key; head -c 32 /dev/urandom | base64 | tr +/ -_ makes one, and several "
                "have commas between them"
            )
    return keys
