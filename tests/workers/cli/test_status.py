"""`paperboy status`, for people, for programs and as it changes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from bot.domain.judge import Judge
from bot.domain.status import Outage, PendingRequest, QueueStatus, Status, SubscriptionStatus
from bot.domain.subscription import Paused
from bot.domain.watching.ledger import Excuse, Month
from bot.errors import Refused
from bot.store.store import Store
from bot.terminal.board import draw
from bot.views.watching.board import Board, board
from bot.views.watching.month import duration, month_text
from tests.conftest import check_golden
from tests.factories import NOW, subscription
from workers.cli import screen
from workers.cli.status import status as show_status

WELL = Month(
    month=date(2025, 3, 1),
    owed=21,
    lateness={60: 19, 300: 1, 1800: 1},
    worst=1300,
    excused={Excuse.PAUSED: 0, Excuse.ENDED: 0, Excuse.LEFT_OUT: 0},
    waiting=0,
    unexplained=0,
)
BAD = WELL.model_copy(
    update={"owed": 30, "excused": {Excuse.PAUSED: 5, Excuse.LEFT_OUT: 1}, "waiting": 1}
    | {"unexplained": 2, "worst": 187_200}
)


def drawn(shown: Board, width: int = 100) -> str:
    out = StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(draw(shown))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def state(is_well: bool) -> Status:
    mine = subscription()
    paused = mine.model_copy(
        update={"profile": "[red]exoplanets", "paused": Paused(at=NOW, by="U1")}
    )
    away = Outage(what="slack", why="Slack did not answer.", since=NOW - timedelta(hours=1))
    wish = PendingRequest(address=mine.address, categories=("cs.LG",), since=NOW)
    return Status(
        at=NOW,
        server="Valkey 9.1.0",
        memory=3_400_000,
        persistent=True,
        judge=Judge(model="gpt-6-luna"),
        queues=(
            QueueStatus(name="now", workers=1, waiting=0, under_way=1, failed=0),
            QueueStatus(name="batch", workers=int(is_well), waiting=12, under_way=0, failed=1),
        ),
        subscriptions=(
            SubscriptionStatus(subscription=mine, next=NOW + timedelta(days=1), last=None),
            SubscriptionStatus(subscription=paused, next=None, last=None),
        ),
        wishes=() if is_well else (wish,),
        outages=() if is_well else (away,),
        aside=() if is_well else (("subscriptions", 1),),
    )


def test_a_person_sees_tables_and_first_what_is_wrong() -> None:
    well, bad = board(state(True), WELL), board(state(False), BAD, most=1)
    assert well.troubles == ()
    check_golden("watch/board.txt", drawn(well) + "\n" + drawn(bad) + "\n" + drawn(well, 60))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 s"), (59, "59 s"), (720, "12 min"), (3600, "1 h"), (11_100, "3 h 5 min")),
        *((86_400, "1 day"), (187_200, "2 days 4 h")),
    ],
)
def test_how_late_the_latest_was(seconds: int, said: str) -> None:
    assert duration(seconds) == said


def test_a_month_is_one_line_that_adds_up() -> None:
    none = WELL.model_copy(update={"owed": 0, "lateness": {}})
    check_golden("watch/month.txt", "".join(f"{month_text(m)}\n" for m in (WELL, BAD, none)))
    open_now = BAD.waiting + BAD.unexplained
    assert BAD.owed == BAD.made + sum(BAD.excused.values()) + open_now


def test_programs_get_a_version_and_this_month(
    store: Store,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    at = datetime.now(UTC).replace(microsecond=0)
    store.ledger.open("slack:T1:C1 ours", [at], at)
    store.ledger.settle("slack:T1:C1 ours", at, at)
    show_status(as_json=True)
    body = json.loads(capsys.readouterr().out)
    assert (body["version"], body["month"]["owed"], body["month"]["on_time"]) == (1, 1, 1)
    assert {"queues", "subscriptions", "outages", "server"} <= body.keys()
    show_status(month=f"{at:%Y-%m}", as_json=True)
    assert json.loads(capsys.readouterr().out)["made"] == 1
    show_status(month="2024-02")
    assert capsys.readouterr().out == "February 2024: 0 digests owed.\n"
    show_status()
    text = capsys.readouterr().out
    assert "queue batch: 0 workers" in text
    assert "digests: " in text


@pytest.mark.parametrize("month", ["2026-13", "October", "0000-01", "2026-1", "٢٠٢٦-01"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(Refused, match="is not a month; write it as 2026-10"):
        show_status(month=month)


def test_watching_needs_a_terminal() -> None:
    with pytest.raises(Refused, match="--watch needs a terminal"):
        show_status(watch=True)
    with pytest.raises(Refused, match="can't be combined"):
        show_status(watch=True, as_json=True)


def test_it_goes_on_showing_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = iter([board(state(True), WELL), board(state(False), BAD)])

    def ask() -> Board:
        if (found := next(shown, None)) is None:
            raise KeyboardInterrupt
        return found

    screen.Screen().show_live(ask, 0)
    said = capsys.readouterr().out
    assert "Nothing is wrong." in said
    assert "Slack did not answer." in said
