"""What a person at a terminal sees of the logs."""

from __future__ import annotations

import pytest
import structlog

from bot import logs


def test_while_a_person_waits_at_a_terminal_only_trouble_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = structlog.get_logger()
    with logs.only_warnings():
        log.info("embedded")
        log.warning("away")
    log.info("afterwards")
    said = "".join(capsys.readouterr())
    assert "embedded" not in said
    assert "away" in said
    assert "afterwards" in said
