"""Parse a profile's TOML: the profile, or every mistake with its line, field and reason."""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bot.domain import categories, languages
from bot.domain.papers import Cutoffs, Example, Followed, Keywords, Profile, Topic, Value
from bot.profiles.toml_lines import FieldPath, TomlLines

LARGEST: Final = 256 * 1024  # bytes; a shipped profile has about 4,000, each example 2,000
_TOO_LARGE: Final = f"a profile can't be larger than {LARGEST // 1024} KiB"
_MOST: Final = 50  # mistakes reported, and entries checked: a file with more is no profile

FieldError = tuple[FieldPath, str]  # where a mistake is, and the reason

_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "": Profile,
    "topics": Topic,
    "cutoffs": Cutoffs,
    "keywords": Keywords,
    "authors": Followed,
    "examples": Example,
}

# pydantic's error type -> our sentence. The error fills the braces: limits are written in
# domain/papers.py alone.
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "must be text in quotation marks",
    "string_unicode": "contains half a character, which isn't allowed",  # a lone surrogate
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": (
        "must be 1 to 40 lower-case letters, digits and hyphens, and not start with a hyphen"
    ),
    "bool_type": "must be true or false, without quotation marks",
    "int_type": "must be a whole number, without quotation marks",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "tuple_type": "must be a list in square brackets",
    "too_short": "must have at least one entry",
    "too_long": "must have at most {max_length} entries",
    "model_type": "must be a table with fields of its own",
}

# The beginning of tomllib's message -> our sentence.
_NOT_TOML: Final[Mapping[str, str]] = {
    "Unclosed array": "after this entry the list needs a comma or its closing bracket ]",
    "Unclosed inline": "after this the table needs a comma or its closing brace }",
    "Unterminated": "the text that begins here has no closing quotation mark",
    "Expected \"'": "the text that begins here has no closing quotation mark",
    "Illegal character '\\n'": "the text has no closing quotation mark on its line",
    "Found invalid character '\\n'": "the text has no closing quotation mark on its line",
    "Illegal character": "a control character isn't allowed here",
    "Found invalid character": "a control character isn't allowed here",
    "Unescaped": r"a backslash inside text must be written twice: \\",
    "Invalid hex": r"a backslash inside text must be written twice: \\",
    "Escaped character": r"a backslash inside text must be written twice: \\",
    "Invalid value": "this isn't a value: text needs quotation marks",
    "Invalid statement": "is neither a field (name = value) nor a table's heading",
    "Invalid initial": "a field's name must come here, on the same line",
    "Invalid date": "there is no such date",
    "Exceeds": "the number has too many digits",
    "Expected '='": "an equals sign must follow the field's name",
    "Expected ']": "the table's heading needs its closing bracket",
    "Expected newline": r'the value ends before its line does; write " inside text as \"',
    "Cannot": "contradicts an earlier line: write each field or table once",
    "Duplicate": "is set twice",
}

_TOPICS: Final = "every topic needs the heading [[topics]], in double brackets"

_CONTROL: Final = re.compile(  # C0, C1, line separators, and what turns the direction of writing
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
)


class Mistake(Value):
    """One mistake in a profile's text; `field` is empty where none can be named."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (f"line {self.line}", self.field, self.reason) if part)


def parse_profile(text: str | bytes) -> Profile | tuple[Mistake, ...]:
    """The profile a TOML text describes, or what is wrong with it in the order of its lines.

    Never raises, whatever the text. All mistakes (up to 50) are reported at once; for a text that
    is not TOML, the first place where it is not. The profile is as `validate_data` makes it.
    """
    raw = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    if len(raw) > LARGEST:
        return (Mistake(line=1, field="", reason=_TOO_LARGE),)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return (Mistake(line=line, field="", reason="is not UTF-8 text; save the file as UTF-8"),)
    lines = TomlLines(text)
    if lines.too_deep:
        line, where = lines.starts[-1]
        return (Mistake(line=line, field=_field(where), reason="no field is nested this deep"),)
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or int()'s own for 4,300 digits
        return (_not_toml(str(error), lines),)
    result = validate_data(data)
    if isinstance(result, Profile):
        return result
    errors = sorted(result, key=lambda error: lines.line_of(error[0]))[:_MOST]
    return tuple(
        Mistake(line=lines.line_of(path), field=_field(path), reason=reason)
        for path, reason in errors
    )


def validate_data(data: Mapping[str, Any]) -> Profile | tuple[FieldError, ...]:
    """The profile that plain values (as tomllib or JSON has them) describe, or every mistake.

    The profile's white space is folded, and characters nobody sees are left out; its categories
    have arXiv's spelling, without duplicates. A reason continues its field ("must not be empty") or
    is a sentence of its own.
    """
    mistakes = [*_control_characters(data, ()), *_unknown_categories(data), *_same_topics(data)]
    mistakes += _unknown_language(data)
    try:
        profile = Profile.model_validate(_tidy(data), strict=True)
    except ValidationError as error:
        mistakes += _in_our_words(error)
    if mistakes:
        return tuple(mistakes)
    spelt = (categories.canonical(category) or category for category in profile.categories)
    language = languages.language_code(profile.language) or profile.language
    return profile.model_copy(
        update={"categories": tuple(dict.fromkeys(spelt)), "language": language}
    )


def _in_our_words(error: ValidationError) -> Iterator[FieldError]:
    """Pydantic's errors in our words. A field under a wrong name is not reported as missing."""
    misnamed: set[FieldPath] = set()
    errors = error.errors(include_url=False, include_input=False)
    inside = {each["loc"][0] for each in errors if len(each["loc"]) > 1}
    for each in sorted(errors, key=lambda each: each["type"] != "extra_forbidden"):
        where, kind = each["loc"], each["type"]
        if kind == "extra_forbidden":
            reason, meant = _unknown(where)
            misnamed.add(meant)
            yield where, reason
        elif where == ("topics",) and kind == "tuple_type":
            yield where, _TOPICS
        elif kind == "too_short" and where[0] in inside:
            continue  # pydantic counts only the valid entries
        elif kind != "missing" or where not in misnamed:
            yield where, _SENTENCES[kind].format(**each.get("ctx", {}))


def _unknown(where: FieldPath) -> tuple[str, FieldPath]:
    """Why there is no such field, and the path of the one that was meant (or `where` again)."""
    names = [part for part in where if isinstance(part, str)]
    name, table = names[-1], names[-2] if len(names) > 1 else ""
    siblings = _TABLES[table].model_fields
    close = difflib.get_close_matches(name.lower()[:40], siblings, 1)
    if close:
        return f"unknown field; did you mean {close[0]}?", (*where[:-1], close[0])
    if name in Profile.model_fields:  # a trap of TOML: a heading takes in all that follows it
        return "belongs at the top of the file, above the first heading in brackets", (name,)
    home = next((home for home, model in _TABLES.items() if name in model.model_fields), None)
    if home:
        return f"unknown field here; {name} belongs in {home}", where
    return f"unknown field; the fields here are {', '.join(siblings)}", where


def _control_characters(value: object, where: FieldPath) -> Iterator[FieldError]:
    """Characters that could upset a terminal, chat or prompt; a topic's prose may have lines."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _control_characters(below, (*where, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _control_characters(below, (*where, index))
    elif isinstance(value, str):
        prose = where[0] == "topics" and where[-1] != "name"
        bad = _CONTROL.search(re.sub(r"[\n\t]", " ", value) if prose else value)
        if bad:
            yield where, f"contains a control character (U+{ord(bad[0]):04X}), which isn't allowed"


def _unknown_categories(data: Mapping[str, Any]) -> Iterator[FieldError]:
    for index, word in _entries(data, "categories"):
        if isinstance(word, str) and (asked := _folded(word)) and not categories.canonical(asked):
            near = categories.nearest(asked)
            hint = f"; did you mean {near}?" if near else ""
            yield ("categories", index), f'"{safe_word(asked)}" is not an arXiv category{hint}'


def _unknown_language(data: Mapping[str, Any]) -> Iterator[FieldError]:
    word = data.get("language")
    if isinstance(word, str) and not languages.language_code(word):
        near = languages.nearest_language(word)
        hint = f"; did you mean {near}?" if near else ', such as "de" or "German"'
        yield ("language",), f'"{safe_word(_folded(word))}" is not a language known here{hint}'


def _same_topics(data: Mapping[str, Any]) -> Iterator[FieldError]:
    seen = set()
    for index, topic in _entries(data, "topics"):
        if isinstance(topic, dict) and isinstance(name := topic.get("name"), str):
            if (same := _folded(name).casefold()) in seen:
                yield (
                    ("topics", index, "name"),
                    f'another topic is called "{safe_word(_folded(name))}"',
                )
            seen.add(same)


def _entries(data: Mapping[str, Any], field: str) -> Iterator[tuple[int, object]]:
    value = data.get(field)
    return enumerate(value[:_MOST] if isinstance(value, list) else ())


def _tidy(value: object) -> object:
    """Text with white space folded, and lists as tuples, which the strict model requires."""
    if isinstance(value, dict):
        return {key: _tidy(below) for key, below in value.items()}
    if isinstance(value, list):
        return tuple(_tidy(below) for below in value)
    return _folded(value) if isinstance(value, str) else value


def _folded(text: str) -> str:
    """White space folded, and without what nobody sees (zero-width spaces, soft hyphens), which
    comes along when text is copied from a page."""
    if not text.isprintable():
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(text.split())


def safe_word(word: str) -> str:
    """A word from outside, safe to show anywhere: printable, and no longer than a line."""
    return printable(word[:80])


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _field(where: FieldPath) -> str:
    return ".".join(safe_word(part) for part in where if isinstance(part, str))


def _not_toml(message: str, lines: TomlLines) -> Mistake:
    """tomllib's message in our words. An unclosed list is reported where it was opened: tomllib
    notices it where the text stops making sense, perhaps many lines later."""
    noticed = lines.error_line(message)
    if message.startswith(("Invalid value", "Unclosed")) and noticed in lines.after_open_list:
        message = "Unclosed array"
        line, where = lines.after_open_list[noticed]
    else:
        line, where = next(begun for begun in reversed(lines.starts) if begun[0] <= noticed)
    sentences = (ours for theirs, ours in _NOT_TOML.items() if message.startswith(theirs))
    reason = next(sentences, "is not TOML")
    if message.startswith(("Cannot", "Duplicate")):
        if first := lines.defined_at.get(("topics",)):
            line, where, reason = first, ("topics",), _TOPICS
        elif lines.first_duplicate:
            line, where = lines.first_duplicate
            reason = f"is set twice; the first time is on line {lines.defined_at[where]}"
    elif not (message.startswith("Unclosed") or "end of document" in message or line == noticed):
        line, where = noticed, ()
    return Mistake(line=line, field=_field(where), reason=reason)
