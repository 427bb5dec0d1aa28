"""The screens in README.md are what the code shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.discord import render
from bot.domain.digest import Decision, Digest, Outcome, Score
from bot.profiles import library
from bot.settings import Settings
from bot.slack import check
from bot.slack import render as render_slack
from bot.views import digest as digest_views
from tests.bot.slack.test_slack_render import drawn
from tests.conftest import GOLDEN, check_golden
from tests.make import digest
from tests.servers.discord_rules import drawing
from workers.arxiv import sample

ROOT = Path(__file__).parents[1]
COMMENTS = {
    "SQuat": "Meets Model compression: keys are quantized orthogonally to queries, with a bound.",
    "Quamba2": "Meets Model compression: post-training quantization of state space models.",
}


def a_day() -> Digest:
    """Two papers of the sample, scored as a model might."""
    rows = []
    for name, comment in COMMENTS.items():
        (found,) = (a for a in sample.listing().papers if a.paper.title.startswith(name))
        score = Score(relevance=9 if name == "SQuat" else 8, novelty=8, comment=comment)
        rows.append(Decision(announced=found, outcome=Outcome.PICKED, score=score))
    return digest(*rows, profile=library.shipped()["compression"])


def test_the_slack_thread() -> None:
    posts = digest_views.thread(a_day(), "day")
    shown = "\n".join(drawn(render_slack.message(post)) for post in posts)
    check_golden("slack_day.txt", shown)
    assert shown.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_discord_thread() -> None:
    posts = digest_views.thread(a_day(), "day")
    shown = "\n\n".join(drawing(render.message(post)) for post in posts[:2])
    check_golden("discord_readme.txt", shown)
    assert shown.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_answer_to_why() -> None:
    cases = (GOLDEN / "why_slack.txt").read_text(encoding="utf-8").split("## ")
    (shown,) = (case for case in cases if case.startswith("two profiles\n"))
    answer = shown.partition("\n")[2].strip()
    assert answer in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_manifest_asks_for_what_the_doctor_expects() -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(check.SCOPES)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_told(name: str) -> None:
    alias = Settings.model_fields[name].alias
    assert alias is not None
    assert f"`{alias}`" in (ROOT / "README.md").read_text(encoding="utf-8")
