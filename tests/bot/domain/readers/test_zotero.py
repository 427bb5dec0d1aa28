"""What looks like a key of Zotero's, a group's number, and an item's key."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.readers.zotero import group_asked, is_key, item_key, names_key

LETTERS = string.ascii_letters + string.digits


@given(
    st.text(string.ascii_lowercase, min_size=6),
    st.text(string.ascii_uppercase, min_size=6),
    st.text(LETTERS, min_size=24),
    st.randoms(),
    st.sampled_from(["", "key=", "my key: ", '"', "/digest saved zotero ", "“"]),
)
def test_letters_at_random_are_taken_for_a_key_wherever_they_stand(
    small: str, capital: str, rest: str, random: object, before: str
) -> None:
    letters = list((small[:6] + capital[:6] + rest)[:24])
    random.shuffle(letters)  # type: ignore[attr-defined]
    key = "".join(letters)
    assert is_key(key)
    assert names_key(f"{before}{key}, please")
    assert not names_key(f"{key}x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2503.15294 arXiv:2503.15294v2 hep-th/9901001",
        "TransformerLanguageModel",  # 24 letters
        "electroencephalographers",
        "ELECTROENCEPHALOGRAPHERS",
        "123456789012345678901234",
        "0123456789abcdef01234567",
        "https://example.org/P9NiFoyLeZu2bZNvvuQPDWsdP9NiFoyLeZu2bZNvvuQPDWsd",
    ],
)
def test_words_ids_and_addresses_are_no_keys(text: str) -> None:
    assert not names_key(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", ""),
        (" 12 ", "12"),
        ("https://www.zotero.org/groups/12/our_group/library", "12"),
        ("zotero.org/groups/12", "12"),
        ("our group", None),
        ("0", None),
        ("-1", None),
        ("12 13", None),
        ("../../keys/current", None),
        ("१२", None),
    ],
)
def test_a_groups_number_is_found_in_its_address(text: str, number: str | None) -> None:
    assert group_asked(text) == number


def test_an_item_has_its_own_key_in_each_library() -> None:
    papers = [f"2503.{n:05}" for n in range(500)]
    keys = {item_key(library, id) for library in ("users/1", "groups/1") for id in papers}
    assert len(keys) == 1000
    assert all(re.fullmatch("[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}", key) for key in keys)
    assert item_key("users/1", "2503.15294") == "IWGZHCEG"  # for ever
