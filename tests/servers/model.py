"""A model on loopback, by hand: it scores by ids, orders by them, and quotes when it explains.

python -m tests.servers.model
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from tests.servers import by_hand
from tests.servers.neighbours import Reply, chat, claims, ids_asked, question, scores


def answer(path: str, body: bytes) -> Reply:
    """Each of Paperboy's three questions, told apart by the schema it asks for."""
    form = json.loads(body).get("response_format", {}).get("json_schema", {}).get("schema", {})
    wanted = form.get("properties", {})
    if "claims" in wanted:
        return chat(json.dumps(claims(json.loads(question(body)))))
    if "order" in wanted:
        return chat(json.dumps({"order": sorted(ids_asked(body))}))
    return chat(json.dumps(scores(ids_asked(body))), prompt=len(body) // 4)


def model() -> AbstractContextManager[by_hand.Http]:
    return by_hand.http(
        "model",
        answer,
        lambda url: {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "sk-loopback"},
    )


if __name__ == "__main__":
    by_hand.run({"model": model})
