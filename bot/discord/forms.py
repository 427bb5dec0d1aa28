"""Forms -> Discord's modals, and submitted modals -> answers; pure.

A modal has at most five inputs, no list longer than 25 and no label of its own on its button. A
form with more fields shares inputs: fields that are short to type go into one, a line `name: value`
each, and `answers` takes them apart again. A form that asks for some of many choices has two
steps: the first asks for their groups (AREA), the second (`second_step`) has the choices of those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from bot.arxiv.text import one_line, shortened
from bot.domain.message import Choice, Field, Form, GivenFile

Json = dict[str, Any]

# docs.discord.com, "Interactions" and "Component Reference"; discord.py 2.7.1 checks the five.
QUESTIONS: Final = 5
TITLE: Final = 45  # a label's too
HINT: Final = 100
CUSTOM_ID: Final = 100
VALUE: Final = 4000
_OPTIONS: Final = 25
_OPTION: Final = 100

_STRING_SELECT, _TEXT_INPUT, _CHANNEL_SELECT, _LABEL, _FILE = 3, 4, 8, 18, 19
_SHORT, _LONG = 1, 2
# The groups of a form's many choices, in its first step.
AREA: Final = "area"
# Of many choices, those that two lists hold.
_LISTS: Final = 2
_PAPERS: Final = (3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100)

_POSTABLE = [0, 5]  # text and announcement channels

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# The kinds that may share an input, and the cost: highest where a list to choose from is lost.
_COST: Mapping[str, int] = {"number": 1, "time": 1, "zone": 1, "text": 2, "days": 8, "choice": 9}

_FILLED = re.compile(r"f1:(?P<name>[a-z0-9_-]{1,30}):(?P<about>.*)", re.DOTALL)


def modal(form: Form) -> Json:
    """The data of an interaction response of type 9.

    Raises ValueError for a form whose fields do not fit into five inputs, whose name and metadata
    do not fit into a custom_id, or that shows a text of more than 4,000 characters, which would be
    cut. A form in two steps is shown as its first.
    """
    form = _first_step(form) if has_steps(form) else form
    packed = f"f1:{form.name}:{form.metadata}"
    if not _FILLED.fullmatch(packed) or len(packed) > CUSTOM_ID:
        raise ValueError(f"does not fit into a modal's custom_id: {packed!r}")
    return {
        "custom_id": packed,
        "title": _worded(form.title, TITLE),
        "components": [_label(group) for group in _grouped(form.fields)],
    }


def parse_form_id(custom_id: str) -> tuple[str, str] | None:
    """The name and metadata of a submitted form; None when it is not ours."""
    found = _FILLED.fullmatch(custom_id)
    return (found["name"], found["about"]) if found else None


def answers(components: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The components of a submitted modal -> each field's answer by its name, empty when it is
    unanswered."""
    found: dict[str, str] = {}
    for part in _inner(components):
        name, value = str(part["custom_id"]), str(part.get("value") or "").strip()
        if part.get("type") == _FILE:
            found[name] = ""  # `files` has it
        elif name.startswith("+"):
            found |= _split(name[1:].split("+"), value)
        elif "+" in name:
            chosen = next(iter(part.get("values") or ()), "")
            found |= dict(zip(name.split("+"), chosen.split("+"), strict=False))
        elif "." in name:  # more of the same
            first = name.partition(".")[0]
            found[first] = ",".join(filter(None, [found.get(first, ""), *part.get("values", ())]))
        else:
            found[name] = value or ",".join(part.get("values") or ())
    return found


def files(data: Mapping[str, Any]) -> dict[str, GivenFile]:
    """The files in the data of a submitted modal, by the names of their fields."""
    sent = (data.get("resolved") or {}).get("attachments") or {}
    return {
        str(part["custom_id"]): GivenFile(
            name=str(file.get("filename") or ""),
            url=str(file.get("url") or ""),
            size=int(file.get("size") or 0),
        )
        for part in _inner(data["components"])
        if part.get("type") == _FILE
        for id in (part.get("values") or ())[:1]
        if (file := sent.get(id))
    }


def has_steps(form: Form) -> bool:
    """Whether a form asks for some of more choices than a list holds."""
    return any(field.kind == "several" and len(field.choices) > _OPTIONS for field in form.fields)


def _first_step(form: Form) -> Form:
    """The questions before the first number, with the groups in the place of the choices."""
    fields = [_areas(f) if f.kind == "several" else f for f in _first_fields(form)]
    return form.model_copy(update={"fields": tuple(fields), "title": f"{form.title} (1 of 2)"})


def _first_fields(form: Form) -> list[Field]:
    return [field for field in form.fields if field.kind != "number"][:QUESTIONS]


def _areas(field: Field) -> Field:
    chosen = set(field.value.split(","))
    groups = dict.fromkeys(map(_group, field.choices))
    mine = {_group(choice) for choice in field.choices if choice.value in chosen}
    return field.model_copy(
        update={
            "name": AREA,
            "label": "Areas of arXiv",
            "hint": "The next step has their categories.",
            "value": ",".join(group for group in groups if group in mine),
            "choices": tuple(Choice(label=group, value=group) for group in groups)[:_OPTIONS],
        }
    )


def _group(choice: Choice) -> str:
    return choice.group or "All"


def second_step(form: Form, areas: Iterable[str]) -> Form:
    """The other questions, with the choices of these groups, and lists in place of numbers; where
    there is no room for these, a number shares an input with what is short to type."""
    first, fields, wanted = {f.name for f in _first_fields(form)}, list[Field](), set(areas)
    for field in form.fields:
        if field.kind == "several":
            fields += _lists(field, wanted)
        elif field.name not in first and field.kind != "number":
            fields.append(field)
    numbers = [field for field in form.fields if field.kind == "number"]
    is_full = len(fields) >= QUESTIONS
    if len(numbers) > QUESTIONS - len(fields):
        fields.append(_pair(*numbers[:2]))
        numbers = numbers[2:]
    fields += numbers if is_full else map(_number_list, numbers)
    return form.model_copy(update={"fields": tuple(fields), "title": f"{form.title} (2 of 2)"})


def _lists(field: Field, groups: set[str]) -> list[Field]:
    """The choices of some groups in one list or two, those that are chosen first: others may not
    fit."""
    chosen = field.value.split(",")
    known = sorted(field.choices, key=lambda choice: choice.value not in chosen)
    known = [c for c in known if c.value in chosen or _group(c) in groups][: _LISTS * _OPTIONS]
    parts = [known[at : at + _OPTIONS] for at in range(0, len(known), _OPTIONS)]
    return [
        field.model_copy(
            update={
                "name": f"{field.name}.{n}" if n else field.name,
                "label": f"{field.label}, more" if n else field.label,
                "hint": "" if n else "Choose as many as you like.",
                "choices": tuple(part),
                "optional": len(parts) > 1,
            }
        )
        for n, part in enumerate(parts)
    ]


def _pair(one: Field, other: Field) -> Field:
    """Two numbers in one list, around what they are."""
    first, second = int(one.value), int(other.value)
    pairs = [
        (a, b)
        for a in range(max(1, first - 1), min(10, first + 2) + 1)
        for b in range(max(1, second - 3), min(10, second + 2) + 1)
    ]
    return Field(
        name=f"{one.name}+{other.name}",
        label=f"{one.label}, {other.label.lower()}",
        kind="choice",
        value=f"{first}+{second}",
        hint="Papers below either are not picked.",
        choices=tuple(
            Choice(label=f"{one.name.capitalize()} {a} · {other.name} {b}", value=f"{a}+{b}")
            for a, b in pairs
        ),
    )


def _number_list(field: Field) -> Field:
    near = range(1, 11) if field.name != "maximum" else _PAPERS
    values = sorted({*near, *([int(field.value)] if field.value.isdecimal() else [])})
    choices = tuple(Choice(label=str(n), value=str(n)) for n in values)
    return field.model_copy(update={"kind": "choice", "choices": choices})


def _inner(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for part in components:
        inside = part.get("components", ()) if "component" not in part else (part["component"],)
        yield from (each for each in (part, *inside) if "custom_id" in each)


def _split(names: Sequence[str], text: str) -> dict[str, str]:
    """`name: value` lines -> values by name; a line without a name continues the one before.
    Without any name, the lines are the answers in order."""
    found, last = dict.fromkeys(names, ""), ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        name, _, value = re.sub(r"^([\w -]+)：", r"\1:", line).partition(":")
        if name.strip().lower() in found and len(name) < len(line):
            last = name.strip().lower()
            found[last] = value.strip()
        elif last:
            found[last] = f"{found[last]} {line}".strip()
    return found if last else found | dict(zip(names, lines, strict=False))


def _grouped(fields: Sequence[Field]) -> list[tuple[Field, ...]]:
    """The fields of each input. Adjacent fields are joined first, which keeps the form's order."""
    groups: list[tuple[Field, ...]] = [(field,) for field in fields]
    while len(groups) > QUESTIONS:
        fitting = [
            (sum(_COST[field.kind] for field in one + two) + apart - at, at, apart)
            for (at, one), (apart, two) in combinations(enumerate(groups), 2)
            if all(field.kind in _COST for field in one + two)
            and len(_shared(one + two)) <= CUSTOM_ID
        ]
        if not fitting:
            raise ValueError(f"{len(fields)} questions do not fit into {QUESTIONS} boxes")
        _, at, apart = min(fitting)
        groups[at] += groups.pop(apart)
    return groups


def _shared(group: tuple[Field, ...]) -> str:
    return "".join(f"+{field.name}" for field in group)


def _label(group: tuple[Field, ...]) -> Json:
    one = len(group) == 1
    title = " · ".join(field.label for field in group)
    if len(one_line(title)) > TITLE and not one:
        title = " · ".join(field.name for field in group)  # as in the input itself
    label = {
        "type": _LABEL,
        "label": _worded(title, TITLE),
        "component": _component(*group) if one else _lines(group),
    }
    hint = group[0].hint if one else _hints(group)
    return label | ({"description": _worded(hint, HINT)} if one_line(hint) else {})


def _hints(group: tuple[Field, ...]) -> str:
    """Each field's hint, cut to an equal share of the room."""
    hints = [field.hint or ", ".join(choice.value for choice in field.choices) for field in group]
    named = [f"{field.name}: {hint}" for field, hint in zip(group, hints, strict=True) if hint]
    share = HINT // max(1, len(named)) - len("; ")
    return "; ".join(shortened(one_line(hint), share).rstrip(".") for hint in named)


def _lines(group: tuple[Field, ...]) -> Json:
    value = "\n".join(f"{field.name}: {one_line(field.value)}".strip() for field in group)
    optional = all(field.optional for field in group)
    return _input(_shared(group), value, optional, _LONG)


def _component(field: Field) -> Json:
    required = {"required": not field.optional, "min_values": 0 if field.optional else 1}
    named = {"custom_id": field.name, **required}
    if field.kind == "channel":
        chosen = [{"id": field.value, "type": "channel"}] if field.value.isdecimal() else []
        given = {"default_values": chosen} if chosen else {}
        return {"type": _CHANNEL_SELECT, **named, "channel_types": _POSTABLE, **given}
    if field.kind == "file":
        return {"type": _FILE, **named, "max_values": 1}
    if field.kind == "days":
        days = field.value.split(",")
        options = [_option(day.capitalize(), day, day in days) for day in _WEEK]
        return {"type": _STRING_SELECT, **named, "max_values": len(_WEEK), "options": options}
    choices = {choice.value: choice.label for choice in field.choices}
    lengths = [len(value) for value in choices] or [0]
    fits = len(choices) <= _OPTIONS and min(lengths) >= 1 and max(lengths) <= _OPTION
    if fits and field.kind in ("choice", "several"):
        several = field.kind == "several"
        chosen_values = field.value.split(",") if several else [field.value]
        options = [_option(label, v, v in chosen_values) for v, label in choices.items()]
        most = len(options) if several else 1
        return {"type": _STRING_SELECT, **named, "max_values": most, "options": options}
    # Zones, too, are typed: hundreds do not fit into a list of 25.
    style = _LONG if field.kind == "prose" else _SHORT
    return _input(field.name, field.value, field.optional, style)


def _option(label: str, value: str, chosen: bool) -> Json:
    return {"label": _worded(label, _OPTION), "value": value, "default": chosen}


def _input(name: str, value: str, optional: bool, style: int) -> Json:
    if len(value) > VALUE:
        raise ValueError(f"{name} has {len(value)} characters, a modal shows {VALUE}")
    named = {"type": _TEXT_INPUT, "custom_id": name, "style": style, "max_length": VALUE}
    return named | {"required": not optional} | ({"value": value} if value else {})


def _worded(text: str, limit: int) -> str:
    return shortened(one_line(text) or "…", limit)
