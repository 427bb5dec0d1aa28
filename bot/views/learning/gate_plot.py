"""A gate's days as a picture: what it finds, what it spares, what it promises; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from bot.arxiv.text import one_line
from bot.domain.budget import GateDay, GateReport
from bot.domain.message import File

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

# Readable in a chat's thread pane, which shows it at half of this width.
_WIDTH, _HEIGHT = 900, 690
_LEFT, _RIGHT, _TOP, _PANEL, _GAP = 70, 20, 60, 160, 46
_FINE = 2  # drawn so many times as large, then made smaller: smooth lines
_TEXT, _SMALL = 20, 16
_INK, _GRID, _PAPER = "#222222", "#dddddd", "#ffffff"
# Okabe and Ito's, which people who don't tell red from green tell apart.
_RECALL, _BAND, _KEPT, _LEVEL = "#0072b2", "#cfe3f1", "#009e73", "#d55e00"

Point = tuple[float, float]


class _Panel(NamedTuple):
    """One of the charts, from `low` to `high`, with its `ticks`."""

    title: str
    top: int
    low: float
    high: float
    ticks: Sequence[float]
    label: str

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.top + _PANEL * (1 - share)


def gate_picture(title: str, found: GateReport) -> File | None:
    """The plot of a gate's days; None before there are two."""
    days = found.history
    if len(days) < 2:
        return None
    # A tenth of a second to import, and nobody else needs it.
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (_WIDTH * _FINE, _HEIGHT * _FINE), _PAPER)
    draw = ImageDraw.Draw(image)

    def write(at: Point, text: str, size: int, anchor: str) -> None:
        font = ImageFont.load_default(size * _FINE)
        draw.text(_fine([at])[0], text, fill=_INK, font=font, anchor=anchor)

    write((_LEFT, 24), f"Gate of {one_line(title)}", _TEXT, "lm")
    tops = (_TOP + n * (_PANEL + _GAP) + 20 for n in range(3))
    panels = [
        _Panel("Picks found, with 95% confidence", next(tops), 0.5, 1, (0.5, 0.75, 1), "{:.0%}"),
        _Panel("Papers scored", next(tops), 0, 1, (0, 0.5, 1), "{:.0%}"),
        _Panel("Picks it may miss at most", next(tops), 0, 0.03, (0, 0.015, 0.03), "{:.1%}"),
    ]
    for panel in panels:
        write((_LEFT, panel.top - 14), panel.title, _SMALL, "lm")
        for tick in panel.ticks:
            draw.line(
                _fine([(_LEFT, panel.y(tick)), (_WIDTH - _RIGHT, panel.y(tick))]), _GRID, _FINE
            )
            write((_LEFT - 8, panel.y(tick)), panel.label.format(tick), _SMALL, "rm")
    _draw_days(draw, days, panels)
    bottom = panels[-1].top + _PANEL + 18
    for n, anchor in ((0, "lm"), (len(days) - 1, "rm")):
        write(
            (_x(n, len(days)), bottom), f"{days[n].date.day} {days[n].date:%b %Y}", _SMALL, anchor
        )
    out = BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return File(
        name="gate.png",
        noun="plot",
        alt=_in_words(days),
        content=out.getvalue(),
        media_type="image/png",
    )


def _draw_days(draw: ImageDraw, days: Sequence[GateDay], panels: Sequence[_Panel]) -> None:
    recall, kept, level = panels

    def at(panel: _Panel, value: Callable[[GateDay], float | None]) -> Iterator[list[Point]]:
        """The points of runs of days that have this value."""
        run: list[Point] = []
        for n, day in enumerate(days):
            found = value(day)
            if found is None:
                yield run
                run = []
            else:
                run.append((_x(n, len(days)), panel.y(found)))
        yield run

    known = [
        (lambda day: day.low if day.recall is not None else None),
        (lambda day: day.high if day.recall is not None else None),
    ]
    for low, high in zip(at(recall, known[0]), at(recall, known[1]), strict=True):
        if len(low) > 1:
            draw.polygon(_fine([*low, *reversed(high)]), _BAND)
    for panel, colour, value in (
        (recall, _RECALL, lambda day: day.recall),
        (kept, _KEPT, _scored_share),
        (level, _LEVEL, lambda day: day.level),
    ):
        for run in at(panel, value):
            if len(run) > 1:
                draw.line(_fine(run), colour, 3 * _FINE, joint="curve")
            for x, y in run if len(run) == 1 else ():
                draw.ellipse(_fine([(x - 3, y - 3), (x + 3, y + 3)]), colour)


def _x(n: int, of: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * n / (of - 1)


def _fine(points: Iterable[Point]) -> list[Point]:
    return [(x * _FINE, y * _FINE) for x, y in points]


def _scored_share(day: GateDay) -> float | None:
    papers = day.scored + day.gated
    return day.scored / papers if papers else None


def _in_words(days: Sequence[GateDay]) -> str:
    scored, gated = sum(day.scored for day in days), sum(day.gated for day in days)
    return (
        f"{len(days)} days: recall, papers scored ({scored} of {scored + gated}), and the share of "
        "picks that may be missed"
    )
