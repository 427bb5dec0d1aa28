"""Discord's rules as far as the tests need them: what it refuses, and how it reads Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Span = tuple[str, str]  # how Discord reads a piece of text (text, link, bold...), and its text

_V2 = 1 << 15
# Maximum lengths by type of component and field (docs.discord.com, "Component Reference"). A
# limited field may not be empty, except a value.
_MAX_LENGTHS = {
    2: {"label": 80, "custom_id": 100, "url": 512},
    3: {"custom_id": 100, "placeholder": 150},
    4: {"custom_id": 100, "placeholder": 100, "value": 4000},
    8: {"custom_id": 100, "placeholder": 150},
    10: {"content": 4000},
    18: {"label": 45, "description": 100},
    19: {"custom_id": 100},
}


def walk_components(components: list[Json]) -> Iterator[Json]:
    """Every component, nested ones included, in reading order."""
    for part in components:
        yield part
        yield from walk_components(part.get("components", []))
        yield from walk_components(
            [part[name] for name in ("accessory", "component") if name in part]
        )


def message_error(body: Json, edit: bool = False) -> str:
    """Why Discord would refuse this message; empty when it would not."""
    content, embeds = body.get("content") or "", body.get("embeds") or []
    top = body.get("components") or []
    every = list(walk_components(top))
    laid_out = (body.get("flags") or 0) & _V2
    if laid_out and (content or embeds):
        return "content or embeds beside Components V2"
    if not (edit or content.strip() or embeds or top or body.get("attachments")):
        return "empty"
    if len(content) > 2000 or len(embeds) > 10 or sum(map(_embed_length, embeds)) > 6000:
        return "content or embeds too long"
    if any(len(e.get("description", "")) > 4096 or len(e.get("fields", [])) > 25 for e in embeds):
        return "an embed too long"
    if laid_out and len(every) > 40:
        return f"{len(every)} components"
    if not laid_out and (len(top) > 5 or any(part["type"] != 1 for part in top)):
        return "components that are not five rows"
    if sum(len(part["content"]) for part in every if part["type"] == 10) > 4000:
        return "texts too long"
    return _component_error(every)


def modal_error(data: Json) -> str:
    """Why Discord would not open this modal; empty when it would."""
    if not (1 <= len(data["custom_id"]) <= 100 and 1 <= len(data["title"]) <= 45):
        return "custom_id or title"
    if not 1 <= len(data["components"]) <= 5:
        return f"{len(data['components'])} components"
    if any(part["type"] != 18 for part in data["components"]):
        return "a component without a label"
    return _component_error(list(walk_components(data["components"])))


def command_error(command: Json) -> str:
    """Why Discord would not register this command; empty when it would."""
    named = command.get("type", 1) == 1
    options = command.get("options") or []
    if named and not re.fullmatch(r"[-_'0-9a-z]{1,32}", command["name"]):
        return f"name {command['name']!r}"
    if named and not 1 <= len(command.get("description", "")) <= 100:
        return f"description of {command['name']}"
    if len(options) > 25 or len(command.get("choices") or []) > 25:
        return f"{len(options)} options or too many choices"
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        return f"{command['name']}: required options come first"
    return "".join(command_error(option | {"type": 1}) for option in options)


def _embed_length(embed: Json) -> int:
    fields = [text for field in embed.get("fields", []) for text in field.values()]
    texts = [embed.get("title"), embed.get("description"), *fields]
    return sum(len(text) for text in texts if isinstance(text, str))


def _component_error(components: list[Json]) -> str:
    ids = [part["custom_id"] for part in components if "custom_id" in part]
    if len(set(ids)) < len(ids):
        return "a custom_id twice"
    for part in components:
        inside, options = part.get("components", []), part.get("options", [])
        for name, longest in _MAX_LENGTHS.get(part["type"], {}).items():
            if name in part and not (name != "value") <= len(part[name].strip()) <= longest:
                return f"{name} of {len(part[name])} characters"
        if part["type"] == 2 and ("url" in part) == ("custom_id" in part):
            return "a button with neither a url nor a custom_id, or both"
        if part["type"] in (1, 9) and not 1 <= len(inside) <= (5 if part["type"] == 1 else 3):
            return f"{len(inside)} in a row or section"
        if part["type"] == 3 and not 1 <= len(options) <= 25:
            return f"{len(options)} options"
        if any(not 1 <= len(o[name]) <= 100 for o in options for name in ("label", "value")):
            return "an option's length"
        if len({option["value"] for option in options}) < len(options):
            return "an option twice"
    return ""


# What Discord's clients read as Markdown, by the rules they share with simple-markdown. Greedier
# than any one of them: what is text here is text in every client.
_LINES = re.compile(
    r"(?P<heading>\#{1,3}\s+) | (?P<subtext>-\#\s+) | (?P<quote>(?:>>)?>\s+)"
    r"| (?P<list>\s*(?:[-*+]|\d+[.)])\s+)",
    re.VERBOSE,
)
_SPANS = re.compile(
    r"""
    (?P<escape>\\[^0-9A-Za-z\s])
  | (?P<code>(?P<ticks>`+)(?P<coded>.+?)(?P=ticks))
  | (?P<link>\[(?P<text>(?:\\.|[^\[\]\\])+)\]\((?P<url>https?://[^\s()<>]+)\))
  | (?P<mention><@[!&]?\d+>|@everyone|@here) | (?P<channel><\#\d+>)
  | (?P<emoji><a?:\w+:\d+>|:[^\s:\\]+:) | (?P<time><t:-?\d+(?::\w)?>)
  | (?P<command></[^>]+:\d+>|<id:\w+>) | (?P<address><?(?:https?|steam|mailto|discord)://?[^\s<>]+>?)
  | \*\*(?P<bold>(?:\\.|[^\\])+?)\*\*(?!\*) | __(?P<underline>(?:\\.|[^\\])+?)__(?!_)
  | \*(?P<italic>(?:\\.|[^\\*])+)\* | _(?P<italic_>(?:\\.|[^\\_])+)_
  | ~~(?P<strike>.+?)~~ | \|\|(?P<spoiler>.+?)\|\|
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NESTED = ("bold", "underline", "italic", "italic_", "strike", "spoiler")


def parse_markup(marked: str) -> list[Span]:
    """Markdown as Discord reads it: pieces of plain text and of everything else."""
    spans: list[Span] = []
    in_code = False
    for number, line in enumerate(marked.split("\n")):
        if number:
            spans.append(("line", "\n"))
        if line == "```":
            in_code = not in_code
            continue
        if in_code:
            spans.append(("code", line))
            continue
        if begin := _LINES.match(line):
            spans.append((str(begin.lastgroup), ""))
            line = line[begin.end() :]
            if _LINES.match(line):
                spans.append(("nested", ""))
        spans += _spans(line)
    joined: list[Span] = []
    for kind, text in spans:
        if kind == "text" and joined and joined[-1][0] == "text":
            joined[-1] = ("text", joined[-1][1] + text)
        else:
            joined.append((kind, text))
    return joined


def _spans(line: str) -> Iterator[Span]:
    at = 0
    for match in _SPANS.finditer(line):
        if match.start() > at:
            yield ("text", line[at : match.start()])
        at = match.end()
        nested = next((name for name in _NESTED if match[name]), None)
        if match["escape"]:
            yield ("text", match["escape"][1])
        elif match["code"]:
            yield ("code", match["coded"])
        elif match["link"]:
            yield ("link", match["url"])
            yield from _spans(match["text"])
        elif nested:
            yield (nested, "")
            yield from _spans(match[nested])
        else:
            yield (str(match.lastgroup), match[0])
    if at < len(line):
        yield ("text", line[at:])


def draw_discord(body: Json) -> str:
    """A message or modal as a sketch in text."""
    rows = [_draw_component(part) for part in body["components"]]
    if "title" in body:
        rows.insert(0, f"[ {body['title']} ]")
    if body.get("content"):
        rows.insert(0, _draw_text(body["content"]))
    return "\n".join(rows) + "\n"


def _draw_component(part: Json) -> str:
    match part["type"]:
        case 1:
            return "  ".join(map(_draw_component, part["components"]))
        case 2:
            return f"[{part['label']}{' ↗' if 'url' in part else ''}]"
        case 9:
            return f"{_draw_component(part['components'][0])}  {_draw_component(part['accessory'])}"
        case 10:
            return _draw_text(str(part["content"]))
        case 18:
            inner, hint = part["component"], part.get("description", "")
            star = "*" if inner["required"] else ""
            return f"{part['label']}{star}\n  {_draw_component(inner)}" + (
                f"\n  ({hint})" if hint else ""
            )
        case 19:
            return "[ Add file ]"
        case 3:
            marks = {True: "(x)", False: "( )"}
            return "  ".join(f"{marks[o['default']]} {o['label']}" for o in part["options"])
        case 8:
            return "".join(f"#{each['id']}" for each in part.get("default_values", [])) or "#..."
    return "_" + str(part.get("value", "")).replace("\n", "\n  _") + "_"


def _draw_text(marked: str) -> str:
    prefix = {"heading": "## ", "subtext": " . ", "quote": " | ", "emoji": "", "link": "↗"}
    return "".join(
        prefix.get(kind, "") + ("" if kind == "link" else text)
        for kind, text in parse_markup(marked)
    )
