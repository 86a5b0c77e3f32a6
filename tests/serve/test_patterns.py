"""``/patterns``: patterns of log messages over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from log_tailing import T0, evenly
from making import resource
from served import TOKEN
from tidegate.record import logs
from tidegate.serve import patterns
from tidegate.serve.guard import Guard
from tidegate.serve.message import NDJSON, Request, Response
from tidegate.serve.openapi import describe
from tidegate.serve.site import Site
from tidegate.store.sinks import FileSink

SCHEMAS: dict[str, Any] = describe()["components"]["schemas"]

Get = Callable[..., Response]

AN_HOUR = f"since={T0}&until={T0 + 3600}"


@pytest.fixture
def store(tmp_path: Path) -> str:
    """60 records of one pattern by a shop, 5 of another, and 20 by a bank."""
    sink = FileSink(str(tmp_path))
    for service, emitted in (
        ("shop", [*evenly(0, 60, 1), *evenly(0, 5, 1, template="paid %s", line=7)]),
        ("bank", evenly(0, 20, 1)),
    ):
        sink.append(resource(service), logs.batch([each.sdk() for each in emitted]))
    sink.close()
    return str(tmp_path)


@pytest.fixture
def get(store: str) -> Get:
    """``get(path, query)``: the answer to who may ask."""
    site = Site(lambda: tidegate.store.open(store), Guard(TOKEN), gzip=False)

    def get(path: str, query: str = AN_HOUR, method: str = "GET", token: str = TOKEN) -> Response:
        return site.respond(Request(method, path, query, {"host": "localhost", "authorization": f"Bearer {token}"}))

    return get


def content(response: Response) -> bytes:
    try:
        return b"".join(response.body)
    finally:
        response.body.close()


def rows(response: Response) -> list[dict[str, Any]]:
    assert response.status == 200
    return [json.loads(line) for line in content(response).splitlines()]


def test_patterns_are_lines_of_json_the_most_frequent_first(get: Get) -> None:
    answer = get("/patterns")
    assert answer.content_type == NDJSON
    assert [(row["service"], row["template"], row["count"]) for row in rows(answer)] == [
        ("shop", "order <*> shipped", 60),
        ("bank", "order <*> shipped", 20),
        ("shop", "paid <*>", 5),
    ]


def test_the_same_comes_as_one_array(get: Get) -> None:
    assert json.loads(content(get("/patterns/json"))) == rows(get("/patterns"))


@pytest.mark.parametrize(
    ("query", "counts"),
    [("service=bank", [20]), ("limit=2", [60, 20]), ("sort=bytes&limit=1", [60]), ("limit=9", [60, 20, 5])],
)
def test_what_is_asked_for_is_what_comes(get: Get, query: str, counts: list[int]) -> None:
    assert [row["count"] for row in rows(get("/patterns", f"{AN_HOUR}&{query}"))] == counts


def test_without_a_time_it_is_the_last_hour(get: Get) -> None:
    assert time.time() > T0 + 7200
    assert rows(get("/patterns", "")) == []


def test_every_field_of_a_pattern_is_described(get: Get) -> None:
    described = set(SCHEMAS["Pattern"]["properties"])
    assert all(set(row) == described for row in rows(get("/patterns")))
    assert all(set(row) == described | {"savings"} for row in rows(get("/patterns", f"{AN_HOUR}&price=0.5")))


def test_one_pattern_comes_with_its_records_and_its_call(get: Get) -> None:
    [id] = [row["id"] for row in rows(get("/patterns")) if row["template"] == "paid <*>"]
    [found] = rows(get(f"/patterns/{id[:8]}", f"{AN_HOUR}&limit=2"))
    assert set(found) == set(SCHEMAS["PatternDetail"]["properties"])
    assert found["sites"] == ["/app/shop.py:7 in sell"]
    assert [log["body"] for log in found["examples"]] == ["paid 1", "paid 1"]
    assert set(found["examples"][0]) == set(SCHEMAS["Log"]["properties"])
    assert [row["count"] for row in found["rows"]] == [5]


def test_a_pattern_that_does_not_come_is_not_found(get: Get) -> None:
    answer = get("/patterns/0000")
    assert answer.status == 404
    assert "no pattern begins with '0000' in this time" in json.loads(content(answer))["detail"]


def test_only_who_may_ask_is_answered(get: Get) -> None:
    for path in ("/patterns", "/patterns/json", "/patterns/0000"):
        assert get(path, token="another").status == 401


def test_what_takes_too_long_is_ended(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "DEADLINE_S", 1e-9)
    answer = get("/patterns")
    assert answer.status == 400
    assert "took longer than its timeout" in json.loads(content(answer))["detail"]


def test_who_asks_for_heads_only_makes_nobody_count(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "DEADLINE_S", 1e-9)
    assert get("/patterns", method="HEAD").status == 200


def test_a_mount_for_one_service_shows_its_patterns_only(store: str) -> None:
    site = Site(lambda: tidegate.store.open(store, service="bank"), Guard(TOKEN), gzip=False)
    asked = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    assert [row["service"] for row in rows(site.respond(Request("GET", "/patterns", AN_HOUR, asked)))] == ["bank"]
    assert rows(site.respond(Request("GET", "/patterns", f"{AN_HOUR}&service=shop", asked))) == []
