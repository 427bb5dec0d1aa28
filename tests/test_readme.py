"""README.md and docs/ show what the code shows, and tell every command and setting it has.

A sample stands in a fence behind `<!-- sample: NAME -->`; GOLDEN=write writes it anew from the
code, as it does with golden files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import typer.main
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from bot.commands import dispatch
from bot.commands.permissions import Right
from bot.discord import render
from bot.domain.digest import Decision, Digest, Outcome, Score, Usage
from bot.domain.watching.checkup import ModelCheckup
from bot.endpoint import Endpoint
from bot.errors import Refused
from bot.profiles import library
from bot.settings import Settings
from bot.slack import check
from bot.slack import render as render_slack
from bot.terminal import render as render_terminal
from bot.views import digest as digest_views
from bot.views.watching import doctor as doctor_views
from tests.conftest import GOLDEN, check_golden
from tests.factories import digest
from tests.pictures.day import sent
from tests.servers.discord_rules import draw_discord
from tests.servers.slack_rules import draw_slack
from workers.__main__ import app
from workers.arxiv import sample
from workers.judging.prices import price_tokens

ROOT = Path(__file__).parents[1]
MODEL = Settings.model_fields["model"].default
COMMENTS = {
    "SQuat": (
        "Quantizes keys orthogonally to queries and cuts peak memory by 2.17 to 2.82 times.",
        "Model compression: a KV cache of few bits that needs no fine-tuning.",
    ),
    "Quamba2": (
        "Runs Mamba models in 8 or 4 bits, 1.3 times faster in prefilling, for 1.6 % of accuracy.",
        "Model compression: post-training quantization of state space models.",
    ),
}


def a_day() -> Digest:
    """Two papers of the sample, scored as a model might."""
    rows = []
    for name, (shows, comment) in COMMENTS.items():
        (found,) = (a for a in sample.listing().papers if a.paper.title.startswith(name))
        relevance = 9 if name == "SQuat" else 8
        score = Score(relevance=relevance, novelty=8, shows=shows, comment=comment)
        rows.append(Decision(announced=found, outcome=Outcome.PICKED, score=score))
    return digest(*rows, profile=library.shipped()["compression"])


def check_sample(document: str, name: str, shown: str) -> None:
    """Compare with what stands behind a document's marker of that name."""
    path = ROOT / document
    marked = re.compile(rf"(<!-- sample: {name} -->\n```\w*\n)(.*?)(\n```\n)", re.DOTALL)
    text, shown = path.read_text(encoding="utf-8"), shown.rstrip()
    if os.environ.get("GOLDEN") == "write":
        text = marked.sub(lambda found: found[1] + shown + found[3], text)
        path.write_text(text, encoding="utf-8")
    found = marked.search(text)
    assert found is not None
    assert found[2] == shown


def test_the_slack_thread() -> None:
    posts = [
        draw_slack(render_slack.message(post)) for post in digest_views.thread_posts(a_day(), "day")
    ]
    check_golden("readme/slack_thread.txt", "\n".join(posts))
    check_sample("docs/slack.md", "slack thread", "\n".join(posts))


def test_the_paper_that_readme_begins_with() -> None:
    check_sample("README.md", "card", draw_slack(sent("slack", 10)[1]))


def test_what_a_month_costs_is_the_sum_of_what_was_measured() -> None:
    """Its tokens are those of docs/measured.md, its prices the code's."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = {cells[0].split(":")[0]: cells[1:] for cells in rows("README.md") if len(cells) == 4}
    read, written = (int(table[row][0].replace(",", "")) for row in ("read", "written"))
    measured = (ROOT / "docs/measured.md").read_text(encoding="utf-8")
    tokens = {int(found.replace(",", "")) for found in re.findall(r"\b\d+,\d{3}\b", measured)}
    assert {read, written} <= {round(found, -3) for found in tokens}
    for paid, row in zip(price_tokens(MODEL, read, 0, written), ("read", "written"), strict=True):
        assert paid is not None
        assert table[row][2] == f"{100 * paid:.2f} ¢"
        million = paid * 1_000_000 / (read if row == "read" else written)
        assert table[row][1] == f"${million:.2f}"
    day = sum(float(table[row][2].split()[0]) for row in ("read", "written"))
    assert table["**together**"][2] == f"**{day:.2f} ¢**"
    assert f"22 days a month make {22 * day:.0f} ¢" in text
    assert f"with {MODEL}:" in text


def test_the_discord_thread() -> None:
    posts = digest_views.thread_posts(a_day(), "day")
    shown = "\n\n".join(draw_discord(render.message(post)) for post in posts[:2])
    check_golden("readme/discord_thread.txt", shown)
    check_sample("docs/discord.md", "discord thread", shown)


def test_the_screen_of_a_terminal() -> None:
    screens = (GOLDEN / "terminal/screens_100.txt").read_text(encoding="utf-8").split("## ")
    check_sample("docs/running.md", "terminal", screens[1].partition("\n")[2].rstrip())


def test_the_answer_to_why() -> None:
    cases = (GOLDEN / "commands/why_slack.txt").read_text(encoding="utf-8").split("## ")
    (shown,) = (case for case in cases if case.startswith("two profiles\n"))
    check_sample("docs/commands.md", "why", shown.partition("\n")[2].strip())


def test_doctor_output_is_documented() -> None:
    usage = Usage(
        calls=1, prompt_tokens=2_310, completion_tokens=54, prompt_usd=0.0002, completion_usd=0.0001
    )
    found = ModelCheckup(
        key=True, server="127.0.0.1", model="gpt-6-luna", seconds=0.2, usage=usage,
        reply_format="json_schema",
    )  # fmt: skip
    shown = render_terminal.as_text([doctor_views.checkup_text(found)])
    check_sample("docs/running.md", "doctor", shown)


def test_the_profile_is_a_good_one_and_its_mistakes_are_named(tmp_path: Path) -> None:
    shown = (ROOT / "docs/profiles.md").read_text(encoding="utf-8")
    toml = shown.partition("<!-- sample: profile -->\n```toml\n")[2].partition("```")[0]
    good, bad = tmp_path / "good.toml", tmp_path / "mine.toml"
    good.write_text(toml, encoding="utf-8")
    assert library.load(good).name == "sparse-models"
    bad.write_text(
        'name = "mine"\ntitle = "Mine"\ncategories = ["cs.LGG"]\n[cutoffs]\nrelevence = 8\n'
        '[[topics]]\nname = "t"\nrelevant = "r"\n'
    )
    with pytest.raises(Refused) as refused:
        library.load(bad)
    said = str(refused.value).replace(str(bad), bad.name)
    check_sample(
        "docs/profiles.md",
        "profile check",
        f"$ paperboy profiles check mine.toml\npaperboy: {said}",
    )


def test_the_manifest_asks_for_what_the_doctor_expects() -> None:
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == sorted(check.SCOPES)


def rows(document: str) -> Iterator[list[str]]:
    """The cells of each row of a document's tables."""
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            # A bar that stands in a cell is escaped.
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(cell: str) -> str:
    """A cell that is code and nothing else, or empty."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    return found[1] if found else ""


SETTINGS = {
    code(cells[0]): cells[1:]
    for cells in rows("docs/settings.md")
    if code(cells[0]) and len(cells) == 4
}
UNITS = {
    "_USD": "US dollars", "_TOKENS": "tokens", "_SECONDS": "seconds", "_HOURS": "hours",
    "_DAYS": "days", "_URL": "address", "_TOKEN": "token",
}  # fmt: skip


def default(value: object) -> str:
    """A default as a person writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"`{value.get_secret_value() if isinstance(value, Endpoint) else value}`"


def limits(field: FieldInfo) -> str:
    """Its least and greatest value, in words."""
    least = next((f"{limit.ge:g}" for limit in field.metadata if isinstance(limit, Ge)), "")
    greatest = next((f"{limit.le:g}" for limit in field.metadata if isinstance(limit, Le)), "")
    return f"{least} to {greatest}" if greatest else f"{least} or more" if least else ""


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its default, its unit and its bounds."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    field = Settings.model_fields[name]
    alias = field.alias
    assert alias is not None
    shown, unit, _ = SETTINGS[alias]
    assert shown.replace("~", "/home/me") == default(field.get_default(call_default_factory=True))
    # say_quiet_days is no number of days.
    wanted = "true or false" if field.annotation is bool else ""
    wanted = wanted or next((word for end, word in UNITS.items() if alias.endswith(end)), "")
    assert unit
    assert unit.startswith(wanted)
    assert unit.endswith(limits(field))


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert SETTINGS.keys() == {field.alias for field in Settings.model_fields.values()}


WHO = {Right.ASK: "everyone", Right.USE: "members", Right.CHANGE: "change"}


def test_every_command_of_a_channel_is_documented_with_who_may_use_it() -> None:
    told = {}
    for command, who, *_ in rows("docs/commands.md"):
        if words := re.fullmatch(r"/(?:digest ?)?([a-z]*)(?: [A-Z[].*)?", code(command)):
            told[words[1]] = who
    assert told == {word: WHO[known.right] for word, known in dispatch.COMMANDS.items()}


COMMANDS_MD = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def commands(group: Any = None, name: str = "paperboy") -> Iterator[tuple[str, Any]]:
    """Every command of the terminal, by what is typed."""
    group = group or typer.main.get_command(app)
    for word, command in group.commands.items():
        typed = f"{name} {word}"
        if not hasattr(command, "commands"):
            yield typed, command
            continue
        if command.invoke_without_command:
            yield typed, command
        yield from commands(command, typed)


def options(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]


def usage(typed: str, command: Any) -> str:
    """What is typed, as a manual writes it."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = [p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments]
    for option in options(command):
        kind = option.type_descriptor.annotation
        value = "FILE" if kind in (Path, list[Path]) else option.metavar or option.name.upper()
        if issubclass(type(option.default), Enum):
            value = "|".join(member.value for member in kind)
        word = option.opts[0] if option.is_flag else f"{option.opts[0]} {value}"
        words.append(f"[{word}]" + "..." * bool(option.multiple))
    return " ".join([typed, *words])


@pytest.mark.parametrize(("typed", "command"), [*commands()], ids=str)
def test_every_command_of_the_terminal_is_documented(typed: str, command: Any) -> None:
    """By its usage, which stands alone in a line of a fence, and by its options."""
    _, found, after = COMMANDS_MD.partition(f"\n{usage(typed, command)}\n")
    assert found, usage(typed, command)
    until = after.partition("```\n")[2].partition("\n```\n")[0]
    told = re.findall(r"^\| `(--[a-z-]+)", until, re.MULTILINE)
    assert told == [option.opts[0] for option in options(command)]


def test_no_command_is_documented_that_does_not_exist() -> None:
    told = set(re.findall(r"^paperboy .*$", COMMANDS_MD, re.MULTILINE))
    itself = usage("paperboy", typer.main.get_command(app))
    assert told == {itself, *(usage(typed, command) for typed, command in commands())}


def test_contributing_is_one_page_and_names_only_existing_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in targets
    for path in re.findall(r"`((?:tests|bot|prompts|workers)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


def test_every_outcome_is_documented() -> None:
    told = {code(cells[0]) for cells in rows("docs/profiles.md")}
    assert {outcome.value for outcome in Outcome} <= told


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs", "tests/servers"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_link_is_broken(document: str) -> None:
    path = ROOT / document
    for page in sorted(path.glob("*.md")) if path.is_dir() else [path]:
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            file, _, heading = link.partition("#")
            found = (page.parent / file) if file else page
            assert found.exists(), link
            if heading:
                lines = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
                named = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}
                assert heading in named, link
