"""Prompts a model to draft a profile from what somebody has, and reads its reply; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.arxiv.text import one_line
from bot.domain.draft import Sources, Written, WrittenTopic
from workers.judging import prompts, replies

# Output tokens allowed: six topics of 100 tokens, fifteen keywords, and as much again.
TOKENS: Final = 2000
# Papers that are shown, 250 tokens each; more say no more of what a profile can hold.
_PAPERS: Final = 20
_TOPICS, _WORDS, _CATEGORIES = 12, 30, 8  # read of a reply


def instructions() -> str:
    """The first part of the prompt, the same for everybody."""
    return prompts.render("draft.md.j2")


def question(sources: Sources) -> str:
    """The second part: the text and each paper as one line of JSON, which they cannot leave."""
    lines = [prompts.json_line({"text": sources.text})] if sources.text else []
    lines += map(prompts.paper_line, sources.liked[:_PAPERS])
    return "\n".join(lines) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of a reply."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    topic = replies.closed({"name": text, "relevant": text, "irrelevant": text})
    return replies.closed(
        {
            "title": text,
            "categories": texts,
            "topics": {"type": "array", "items": topic},
            "keywords": texts,
            "avoid": texts,
        }
    )


def parse_reply(reply: str) -> Written | None:
    """What a reply says, each text on one line; None where it has no title, or no topic that says
    what belongs. Nothing is checked that a profile has to keep to. Of several objects in a reply
    the last that is one counts: models think aloud first."""
    for value in reversed(replies.json_values(reply)):
        if isinstance(value, Mapping):
            row = replies.normalised_fields(value)
            topics = tuple(_topics(row.get("topics")))
            if topics and (title := _text(row.get("title"))):
                return Written(
                    title=title,
                    categories=_texts(row.get("categories"), _CATEGORIES),
                    topics=topics,
                    keywords=_texts(row.get("keywords"), _WORDS),
                    avoid=_texts(row.get("avoid"), _WORDS),
                )
    return None


def _topics(rows: object) -> Iterator[WrittenTopic]:
    for row in rows[:_TOPICS] if isinstance(rows, list) else ():
        if isinstance(row, Mapping):
            fields = replies.normalised_fields(row)
            name, relevant, irrelevant = (
                _text(fields.get(field)) for field in ("name", "relevant", "irrelevant")
            )
            if name and relevant:
                yield WrittenTopic(name=name, relevant=relevant, irrelevant=irrelevant)


def _texts(values: object, most: int) -> tuple[str, ...]:
    found = map(_text, values[:most] if isinstance(values, list) else ())
    return tuple(dict.fromkeys(filter(None, found)))


def _text(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""
