"""The screens in README.md are what the code shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import discord_render, profiles, slack_check, slack_render, views
from bot.ledger import Decision, Digest, Outcome, Score
from bot.settings import Settings
from tests.conftest import GOLDEN, check_golden
from tests.discord_rules import drawing
from tests.make import digest
from tests.test_slack_render import drawn
from workers import sample

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
    return digest(*rows, profile=profiles.shipped()["compression"])


def test_the_slack_thread() -> None:
    posts = views.thread(a_day(), "day")
    shown = "\n".join(drawn(slack_render.message(post)) for post in posts)
    check_golden("slack_day.txt", shown)
    assert shown.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_discord_thread() -> None:
    posts = views.thread(a_day(), "day")
    shown = "\n\n".join(drawing(discord_render.message(post)) for post in posts[:2])
    check_golden("discord_readme.txt", shown)
    assert shown.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_answer_to_why() -> None:
    cases = (GOLDEN / "why_slack.txt").read_text(encoding="utf-8").split("## ")
    (shown,) = (case for case in cases if case.startswith("two profiles\n"))
    answer = shown.partition("\n")[2].strip()
    assert answer in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_manifest_asks_for_what_the_doctor_expects() -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(slack_check.SCOPES)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_told(name: str) -> None:
    alias = Settings.model_fields[name].alias
    assert alias is not None
    assert f"`{alias}`" in (ROOT / "README.md").read_text(encoding="utf-8")
