"""What people see: golden files of a thread, and the words around it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import get_args

import pytest

from bot.domain.digest import Digest, ListResult, Outcome, Source, Usage
from bot.domain.judge import Judge
from bot.domain.papers import ArchiveNote, Problem
from bot.domain.reasons import ArxivReason, ModelReason, Reason
from bot.terminal import export
from bot.terminal.render import as_text
from bot.views import card as card_views
from bot.views import digest as digest_views
from bot.views import reasons
from tests.conftest import check_golden
from tests.factories import (
    DAY,
    NOW,
    announced,
    decision,
    digest,
    local_day,
    model_day,
)

DAYS = {"model_day": model_day(), "local_day": local_day()}


@pytest.mark.parametrize("name", DAYS)
def test_the_thread_a_terminal_shows(name: str) -> None:
    check_golden(f"digest/{name}.txt", as_text(digest_views.thread_posts(DAYS[name])))


@pytest.mark.parametrize("name", DAYS)
def test_the_markdown(name: str) -> None:
    check_golden(f"digest/{name}.md", export.as_markdown(DAYS[name]))


@pytest.mark.parametrize("name", DAYS)
def test_the_json(name: str) -> None:
    check_golden(f"digest/{name}.json", export.as_json(DAYS[name]) + "\n")


def test_the_json_has_the_names_of_the_contract() -> None:
    found = json.loads(export.as_json(model_day()))
    contract = {"profile", "date", "announced", "replacements", "outcomes", "papers", "usage"}
    assert contract | {"judge"} <= found.keys()
    assert list(found["outcomes"]) == [o.value for o in Outcome]
    assert sum(found["outcomes"].values()) == found["announced"] == len(found["papers"])
    paper = {"id", "version", "title", "authors", "categories", "announce_type", "outcome"}
    assert found["papers"][0].keys() == paper | {
        *("relevance", "novelty", "shows", "comment", "reason")
    }


LATE = ArchiveNote(
    at=NOW, why=ArxivReason.STALE, categories=("cs.LG", "cs.AI"), papers=40, unclear=3
)


def days() -> list[tuple[str, Digest]]:
    list_result = ListResult(batch="b", date=DAY, asked_at=NOW, changed_at=NOW)

    def empty(**fields: object) -> Digest:
        return digest(listed=list_result.model_copy(update=fields), usage=Usage(), judge=Judge())

    down = decision("2503.10000", Outcome.UNSCORED).model_copy(
        update={"trouble": ModelReason.MODEL_DOWN}
    )
    below = [decision(f"2503.1000{n}", Outcome.BELOW_CUTOFF, 2) for n in (1, 2)]
    sunday = date(2025, 4, 27)
    return [
        ("a Sunday", empty(date=sunday)),
        ("a list of other categories", empty()),
        ("an empty weekday", empty(problem=Problem(trouble=ArxivReason.EMPTY_WEEKDAY))),
        (
            "a wrong category",
            empty(
                batch="", problem=Problem(trouble=ArxivReason.BAD_QUERY, detail="Bad class 'X'.")
            ),
        ),
        ("arXiv away", empty(batch="", problem=Problem(trouble=ArxivReason.UNREACHABLE))),
        ("the model down", digest(down, usage=Usage())),
        ("the model down for some", digest(down, *below, usage=Usage())),
        (
            "the last announced day",
            local_day().model_copy(
                update={"listed": list_result.model_copy(update={"instead_of": sunday})}
            ),
        ),
        (
            "the last announced day, on a weekday",
            local_day().model_copy(
                update={"listed": list_result.model_copy(update={"instead_of": date(2025, 3, 21)})}
            ),
        ),
        (
            "a day by submission dates",
            local_day().model_copy(
                update={"listed": list_result.model_copy(update={"source": Source.WINDOW})}
            ),
        ),
        (
            "a feed that was late",
            local_day().model_copy(
                update={"listed": list_result.model_copy(update={"archive": LATE})}
            ),
        ),
        (
            "the sample",
            local_day().model_copy(
                update={"listed": list_result.model_copy(update={"source": Source.SAMPLE})}
            ),
        ),
    ]


def test_a_day_that_is_not_as_usual_says_so() -> None:
    shown = [f"--- {name}\n{as_text([digest_views.head(day)])}" for name, day in days()]
    check_golden("views/unusual_days.txt", "\n".join(shown))


def test_every_reason_has_its_words() -> None:
    assert list(reasons.REASON_TEXTS) == [reason for kind in get_args(Reason) for reason in kind]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_reason(outcome: Outcome) -> None:
    row = decision("2503.10000", outcome, 6, 5)
    reason = digest_views.outcome_reason(digest(row), row)
    assert reason
    if outcome is Outcome.BELOW_CUTOFF:
        assert reason == (
            "relevance 6 is below the cut-off of 7 and novelty 5 is below the cut-off of 6"
        )


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "cost unknown"), (0.0, "$0.00"), (0.0049, "$0.0049"), (0.012, "$0.01"), (3, "$3.00")],
)
def test_a_cost_is_never_rounded_to_nothing(amount: float | None, shown: str) -> None:
    assert digest_views.dollars(amount) == shown


def test_times_are_new_yorks() -> None:
    later = digest(decision("2503.10000", Outcome.PICKED), judged_at=NOW + timedelta(minutes=3))
    assert digest_views.times(later) == "listed 04:40, scored 04:43 New York"


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("2503.15294", "new in cs.LG"),
        ("2502.09999", "new in cs.LG, submitted in February 2025"),
        ("2411.00001", "new in cs.LG, submitted in November 2024"),
        ("hep-th/9901001", "new in cs.LG, submitted in January 1999"),
    ],
)
def test_a_paper_that_moderators_held_back_for_long_says_when_it_was_submitted(
    id: str, said: str
) -> None:
    assert card_views.announced_as(announced(id), DAY) == said
