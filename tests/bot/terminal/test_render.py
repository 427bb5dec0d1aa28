"""What a terminal shows, at three widths: the list, a paper, the near misses, the help."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from bot.domain.digest import Outcome
from bot.domain.judge import Judge
from bot.domain.message import Link, Message, PaperLine
from bot.terminal import render
from bot.views import digest as digest_views
from bot.views import terminal as views
from tests.bot.terminal.days import day_of_ten, drawn
from tests.conftest import check_golden
from tests.factories import decision, digest


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_the_screens_of_a_terminal(columns: int) -> None:
    day, width = day_of_ten(), render.width(columns)
    nearly = views.nearest(day)[:10]
    screens = {
        "the list, 50 rows": render.overview(views.overview(day), width, 45),
        "the list, 24 rows": render.overview(views.overview(day), width, 19),
        "one paper": render.render(views.opened(day, 2, day.picked[1])),
        "nearly made it": render.overview(views.near_misses(day, 11, nearly), width, 45),
        "?": render.render(views.prompt_help(Judge())),
    }
    hint = f"\n{views.hint(day, len(day.picked))}\n"
    shown = {
        name: drawn(screen, width) + hint * name.startswith("the list")
        for name, screen in screens.items()
    }
    rows = [f"## {name} ({text.count(chr(10))} lines)\n{text}" for name, text in shown.items()]
    check_golden(f"terminal/screens_{columns}.txt", "\n".join(rows))


def test_a_file_gets_the_whole_day_plain_and_100_columns_wide() -> None:
    shown = render.as_text(digest_views.thread_posts(day_of_ten()))
    check_golden("terminal/day_in_a_file.txt", shown)
    assert max(map(len, shown.splitlines())) <= 100


def lines(n: int) -> Message:
    papers = (
        PaperLine(rank=i, relevance=9, novelty=8, title=f"T{i}", url="https://x", shows=f"S{i}")
        for i in range(1, n + 1)
    )
    return Message(title="Head", lines=tuple(papers))


@pytest.mark.parametrize(("rows", "sentences"), [(100, 5), (11, 5), (9, 3), (6, 0), (1, 0)])
def test_the_first_papers_keep_their_sentence_while_the_screen_has_room(
    rows: int, sentences: int
) -> None:
    shown = drawn(render.overview(lines(5), 80, rows), 80)
    assert [f"S{i}" in shown for i in range(1, 6)] == [i <= sentences for i in range(1, 6)]
    assert all(f"T{i}" in shown for i in range(1, 6))


def test_where_not_even_the_titles_fit_each_is_cut_to_a_line() -> None:
    head = views.overview(day_of_ten())
    wrapped, cut, bare = (drawn(render.overview(head, 60, n), 60) for n in (25, 24, 1))
    assert "         Compression for Efficient Large Vision-Language\n" in wrapped
    assert "  4  9/8 AirCache: Activating Inter-modal Relevancy KV Cach…\n" in cut
    assert [text.count("\n") for text in (wrapped, cut, bare)] == [25, 23, 13]


@pytest.mark.parametrize("columns", [1, 8, 20])
def test_nothing_breaks_on_a_very_narrow_terminal(columns: int) -> None:
    shown = drawn(render.overview(views.overview(day_of_ten()), columns, 40), columns)
    assert shown


def test_more_shows_only_papers_that_have_a_score() -> None:
    skipped = decision("2503.1", Outcome.GATED).model_copy(update={"score": None})
    near = decision("2503.2", Outcome.GATED)
    below = decision("2503.3", Outcome.BELOW_CUTOFF)
    assert views.nearest(digest(skipped, near, below)) == [below, near]


def test_titles_are_links_where_a_terminal_takes_them() -> None:
    out = StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system="standard")
    day = day_of_ten()
    console.print(render.overview(views.overview(day), 100, 45))
    for each in day.picked:
        assert f";{each.paper.url}\x1b\\" in out.getvalue()
    assert "\x1b[1mModel compression" in out.getvalue()


def test_an_address_is_never_wrapped_or_cut() -> None:
    url = "https://arxiv.org/abs/2503.24358"
    paper = Message(title="", paper=Link(label="A title", url=url), text=(url,))
    assert url in drawn(render.render(paper), 20)
    day = day_of_ten()
    assert url in drawn(render.render(views.opened(day, 2, day.picked[1])), 20)
    assert url in drawn(render.render(digest_views.thread_posts(day)[2]), 20)
