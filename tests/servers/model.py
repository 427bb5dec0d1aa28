"""A model on loopback, by hand: it scores and orders papers by id, and quotes them in explanations.

python -m tests.servers.model
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from tests.servers import by_hand
from tests.servers.fake_http import (
    HttpReply,
    chat_reply,
    claims_for,
    question_text,
    requested_ids,
    scores_for,
    top_for,
)


def answer(path: str, body: bytes) -> HttpReply:
    """Answer one of Paperboy's prompts, told apart by the schema it asks for."""
    schema = json.loads(body).get("response_format", {}).get("json_schema", {}).get("schema", {})
    properties = schema.get("properties", {})
    if "claims" in properties:
        return chat_reply(json.dumps(claims_for(json.loads(question_text(body)))))
    if "topics" in properties:
        return chat_reply(json.dumps(_draft(question_text(body).splitlines())))
    if "order" in properties:
        return chat_reply(json.dumps(top_for(body)))
    return chat_reply(json.dumps(scores_for(requested_ids(body))), prompt=len(body) // 4)


def _draft(lines: list[str]) -> dict[str, object]:
    """A profile of what the lines of a question say first."""
    said = [str(row.get("title") or row.get("text")) for row in map(json.loads, lines)]
    words = [" ".join(text.split()[:3]).strip(",.:") for text in said]
    topics = [
        {"name": word, "relevant": f"What is like this: {text[:100]}", "irrelevant": ""}
        for word, text in zip(words, said, strict=True)
    ]
    return {
        "title": "What a model drafts",
        "categories": ["cs.LG"],
        "topics": topics[:5],
        "keywords": words,
        "avoid": [],
    }


def model() -> AbstractContextManager[by_hand.Http]:
    return by_hand.http(
        "model",
        answer,
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "sk-loopback"},
    )


if __name__ == "__main__":
    by_hand.run({"model": model})
