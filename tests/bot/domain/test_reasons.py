"""Reasons are stored by value: one value, one member, whatever its kind."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import TypeAdapter

from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason, Reason
from bot.errors import Gone, Refused, Unavailable

REASONS = [reason for kind in get_args(Reason) for reason in kind]


@pytest.mark.parametrize("reason", REASONS)
def test_a_stored_reason_is_read_back_as_the_same_member(reason: Reason) -> None:
    stored = TypeAdapter(Reason).dump_json(reason)
    assert stored == f'"{reason.value}"'.encode()
    assert TypeAdapter(Reason).validate_json(stored) is reason


def test_no_two_reasons_have_the_same_value() -> None:
    assert len({reason.value for reason in REASONS}) == len(REASONS) == 47


def test_an_error_tells_its_reason_to_who_can_meet_that_kind() -> None:
    down = Unavailable("It is down.", ModelReason.MODEL_DOWN)
    assert down.reason_or(ModelReason.BAD_REPLY) is ModelReason.MODEL_DOWN
    assert down.reason_or(ArxivReason.UNREACHABLE) is ArxivReason.UNREACHABLE
    assert Refused("No.").reason_or(ModelReason.BAD_REPLY) is ModelReason.BAD_REPLY
    gone = Gone("The channel is archived.", ChannelReason.ARCHIVED)
    assert gone.reason_or(ChannelReason.BAD_MESSAGE) is ChannelReason.ARCHIVED
