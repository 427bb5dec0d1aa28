"""What is said and drawn of a gate."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from bot.domain.budget import (
    Account,
    Costs,
    GateReport,
    GateStage,
    Limits,
    Savings,
    SkipReason,
    SpentTotals,
)
from bot.terminal.render import as_text
from bot.views.cost import cost_text
from bot.views.gate import gate_line, gate_text
from bot.views.learning.gate_plot import gate_picture
from tests import TESTS
from tests.conftest import check_golden
from tests.factories import DAY, NOW, gate_history, gate_report, profile

LEARNING = GateReport(stage=GateStage.LEARNING, picks_wanted=33)
COUNTING = LEARNING.model_copy(update={"stage": GateStage.COUNTING, "picks": 12})
NEW = GateReport(stage=GateStage.DIVIDING, level=0.03, picks=34, picks_wanted=33)
KNOWN = gate_report()
REPORTS = {
    "Learning": LEARNING,
    "Counting": COUNTING,
    "Dividing since this night": NEW,
    "Dividing": KNOWN,
    "Dividing, learned anew": KNOWN.model_copy(update={"changed": DAY}),
    "Begun anew": KNOWN.model_copy(
        update={"changed": DAY, "stage": GateStage.LEARNING, "recall": 0.874, "low": 0.51}
    ),
    "Begun anew, counting": KNOWN.model_copy(
        update={"changed": DAY, "stage": GateStage.COUNTING, "picks": 1, "recall": 0.874}
    ),
}
SAVED = "about $0.31 (579 papers) in March 2025"


def test_what_is_said_of_a_gate() -> None:
    mine = profile()
    shown = []
    for what, report in REPORTS.items():
        line = gate_line("matters", report, SAVED)
        shown.append(f"{what}\n{line}\n{as_text([gate_text(mine, report, SAVED)])}")
    shown.append(f"No day yet\n{as_text([gate_text(mine, None, SAVED)])}")
    off = mine.model_copy(update={"gate": False})
    shown.append(f"Off\n{as_text([gate_text(off, KNOWN, SAVED)])}")
    check_golden("views/gate.txt", "\n".join(shown))


def test_cost_has_dollars_saved_and_recall_with_its_interval_in_one_line() -> None:
    saved = {SkipReason.GATE: Savings(papers=579, nano=310_000_000)}
    none = {why: Savings() for why in SkipReason}
    spent = SpentTotals()
    account = Account(
        limits=Limits(),
        today=spent,
        month=spent,
        savings_today=none,
        savings_month=none | saved,
    )
    costs = Costs(at=NOW, workspace=account, profiles={"matters": account})
    said = cost_text(costs, {"matters": KNOWN}).text
    assert (
        "gate of matters: saved about $0.31 (579 papers) in March 2025; "
        "finds about 98% of picks (95% confidence: 91% to 100%)"
    ) in said


def test_the_plot_has_recall_papers_scored_and_the_promise_day_by_day() -> None:
    found = gate_picture("Matters of importance", KNOWN)
    assert found is not None
    assert found.alt.startswith("46 days: recall, papers scored (")
    golden = TESTS / "golden" / "views" / "gate.png"
    check_picture(golden, found.content)
    again = gate_picture("Matters of importance", KNOWN)
    assert again == found


def test_one_day_is_no_plot() -> None:
    assert gate_picture("M", NEW) is None
    assert gate_picture("M", KNOWN.model_copy(update={"history": gate_history()[:1]})) is None
    assert gate_picture("M", KNOWN.model_copy(update={"history": gate_history()[:2]})) is not None


def check_picture(golden: Path, png: bytes) -> None:
    """Almost the same: a library's next release may draw a letter another way."""
    if os.environ.get("GOLDEN") == "write":
        golden.write_bytes(png)
    want, have = (Image.open(BytesIO(each)) for each in (golden.read_bytes(), png))
    assert have.size == want.size
    assert max(ImageStat.Stat(ImageChops.difference(have, want)).mean) < 1.5
