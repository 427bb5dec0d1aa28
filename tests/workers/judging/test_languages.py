"""A profile's language: the judge is told, its sentences arrive as written, quotations stay."""

from __future__ import annotations

import json

import pytest

from bot.domain.digest import Outcome, Score, Sentences
from bot.domain.languages import language_code, nearest_language
from bot.profiles.form import build_form, parse_answers
from bot.profiles.validate import parse_profile
from bot.terminal import export
from bot.views.profiles import changes
from tests.conftest import check_golden
from tests.factories import decision, digest, paper, profile
from workers.judging import explaining, scoring, top_papers

BENCH = paper("2503.00009", abstract=r"RL-trained models drop by $48.0\%$ in ten tasks.")
SHOWS = {
    "de": "Zeigt, dass Modelle um 48,0 % fallen, in zehn Aufgaben.",
    "fr": "Montre que les modèles perdent 48,0 % sur dix tâches.",
    "es": "Muestra que los modelos pierden un 48 % en diez tareas.",
    "zh": "表明模型下降48.0%，共十项任务。",
    "ar": "يُظهر أن النماذج تنخفض بنسبة ٤٨٪ في ١٠ مهام.",
    "he": "מראה שהמודלים יורדים ב-48.0% בעשר משימות.",
    "nl": "Toont dat modellen 48% dalen ten opzichte van eerder.",
}
TOML = """
name = "matters"
title = "Matters"
categories = ["cs.LG"]
language = "{}"
[[topics]]
name = "Matter"
relevant = "Studies of the matter."
"""


@pytest.mark.parametrize("code", SHOWS)
def test_sentences_in_a_language_arrive_as_they_were_written(code: str) -> None:
    row = {"id": BENCH.id, "shows": SHOWS[code], "why": f"Matter: {SHOWS[code]}"}
    reply = json.dumps({"order": [row]}, ensure_ascii=False)
    found = top_papers.parse_reply(reply, [BENCH], english=code == "en")
    assert found
    assert found.written[BENCH.id] == Sentences(shows=SHOWS[code], why=f"Matter: {SHOWS[code]}")
    score = Score(relevance=9, novelty=8, comment="Matter: x", shows=SHOWS[code])
    picked = decision(BENCH.id, Outcome.PICKED).model_copy(update={"score": score})
    day = digest(picked, profile=profile(language=code))
    assert json.loads(export.as_json(day))["papers"][0]["shows"] == SHOWS[code]
    assert f"**Comment:** {SHOWS[code]} Matter: x" in export.as_markdown(day)


@pytest.mark.parametrize("shows", ["Zeigt 49,0 %.", "表明下降49%。", "تنخفض بنسبة ٤٩٪"])
def test_a_number_is_checked_in_any_language(shows: str) -> None:
    reply = json.dumps({"order": [{"id": BENCH.id, "shows": shows, "why": ""}]})
    found = top_papers.parse_reply(reply, [BENCH], english=False)
    assert found
    assert found.written[BENCH.id].shows == ""


def test_the_judge_is_told_the_language_in_each_of_its_prompts() -> None:
    german = profile(language="de")
    lines = [
        line
        for module in (scoring, top_papers, explaining)
        for line in module.instructions(german).splitlines()
        if "German" in line
    ]
    check_golden("prompts/german.txt", "\n".join(lines) + "\n")
    keys = {scoring.judge_key(p, "m") for p in (german, profile(language="fr"), profile())}
    assert len(keys) == 3


def test_english_is_not_mentioned_and_changes_no_fingerprint() -> None:
    for module in (scoring, top_papers, explaining):
        assert "English" not in module.instructions(profile())
    assert "language" not in profile().model_dump()
    assert profile(language="de").fingerprint != profile().fingerprint


@pytest.mark.parametrize("word", ["de", "German", "deutsch", "DE"])
def test_a_language_goes_by_code_or_name(word: str) -> None:
    found = parse_profile(TOML.format(word))
    assert getattr(found, "language", found) == "de"


def test_an_unknown_language_is_named_with_its_line_and_the_nearest() -> None:
    (mistake,) = parse_profile(TOML.format("Germn"))  # type: ignore[misc]
    assert str(mistake) == (
        'line 5: language: "Germn" is not a language known here; did you mean German?'
    )
    assert language_code("Klingon") is None
    assert nearest_language("qqqqq") is None


def test_the_form_has_the_language_and_gives_it_back() -> None:
    german = profile(language="de")
    answers = {field.name: field.value for field in build_form(german).fields}
    assert answers["language"] == "German"
    assert parse_answers(answers, german) == german
    changed = parse_answers(answers | {"language": "日本語"}, german)
    assert getattr(changed, "language", changed) == "ja"
    plain = parse_answers(answers | {"language": ""}, german)
    assert getattr(plain, "language", plain) == "en"
    wrong = parse_answers(answers | {"language": "Klingon"}, german)
    assert isinstance(wrong, dict)
    assert list(wrong) == ["language"]
    assert changes(german, profile()) == ["the sentences are in English"]
