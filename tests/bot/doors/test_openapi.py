"""The OpenAPI document says what is really answered."""

from __future__ import annotations

import threading
from typing import Any

from jsonschema import Draft202012Validator

from bot.doors import pages
from bot.doors.openapi import document
from tests.bot.doors.programs import MINE, Programs

OPENAPI = document(pages.PAGES, "http://127.0.0.1:3002")


def validator(path: str, status: int) -> Draft202012Validator:
    """Of what a page answers, by the document."""
    answer = OPENAPI["paths"][path]["get"]["responses"][str(status)]
    schema = answer["content"]["application/json"]["schema"]
    return Draft202012Validator(schema | {"components": OPENAPI["components"]})


def test_each_page_is_told_with_what_it_takes() -> None:
    assert OPENAPI["paths"].keys() == {page.path for page in pages.PAGES}
    asked = {
        path: {(each["name"], each["required"]) for each in page["get"]["parameters"]}
        for path, page in OPENAPI["paths"].items()
    }
    assert asked["/v1/why"] == {("id", True), ("profile", False), ("channel", False)}
    assert ("channel", True) in asked["/v1/digests/{channel}/{day}"]
    limits = {
        each["name"]: each["schema"]
        for each in OPENAPI["paths"]["/v1/digests"]["get"]["parameters"]
    }
    assert limits["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert limits["since"] == {"type": "string", "format": "date"}


def test_what_is_answered_has_the_shape_that_is_told(programs: Programs) -> None:
    token, searched = programs.new_token(), list[Any]()
    search = threading.Thread(
        target=lambda: searched.append(programs.get("/v1/search", token, words="matter"))
    )
    search.start()
    programs.fake_slack.wait_until(lambda: programs.work() or searched)
    search.join()
    got = {
        "/v1/digests": programs.get("/v1/digests", token),
        "/v1/digests/{channel}/{day}": programs.get("/v1/digests/C1/day-here", token),
        "/v1/why": programs.get("/v1/why", token, id=MINE),
        "/v1/search": searched[0],
        "/v1/openapi.json": programs.get("/v1/openapi.json", token),
    }
    assert got.keys() == OPENAPI["paths"].keys()
    for path, answer in got.items():
        assert answer.status_code == 200, path
        validator(path, 200).validate(answer.json())
    refused = {
        401: programs.get("/v1/why"),
        404: programs.get("/v1/why", token, id="2503.19999"),
        400: programs.get("/v1/why", token),
    }
    for status, answer in refused.items():
        assert answer.status_code == status
        validator("/v1/why", status).validate(answer.json())
    served = got["/v1/openapi.json"].json()
    assert served["paths"] == OPENAPI["paths"]
    assert served["servers"] == [{"url": programs.url}]
