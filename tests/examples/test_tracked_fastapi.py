"""What the application in ``examples/tracked_fastapi.py`` says itself, as it says to start it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from live_server import live_server, quiet_environ
from tidegate import store
from tidegate.records import Log, Span

pytestmark = pytest.mark.servers

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class Visited:
    """What was answered, and what is stored after the server has ended."""

    answers: dict[str, httpx.Response]
    spans: list[Span]
    logs: list[Log]
    metrics: set[str]


@pytest.fixture(scope="module")
def visited(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    directory = tmp_path_factory.mktemp("tracked")
    environ = quiet_environ(directory, PYTHONPATH=str(root / "examples"), OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN)
    ann = {"x-user": "ann", "x-request-id": "a1b2"}
    with live_server(["uvicorn", "tracked_fastapi:app", "--port", "PORT"], directory, environ) as server:
        server.client.headers["connection"] = "close"  # uvicorn closes it after an error anyway
        ask = server.client.request
        answers = {
            "order": ask("POST", "/orders/boots?quantity=2", headers=ann),
            "sold out": ask("POST", "/orders/compass", headers=ann),
            "me": ask("GET", "/me", headers=ann),
            "broken": ask("GET", "/broken"),
            "readers": ask("GET", "/telemetry/logs"),
            "shown": ask("GET", "/telemetry/logs", headers={"authorization": f"Bearer {TOKEN}"}),
        }
        server.end(signal.SIGTERM)
    with store.open(directory / "store") as reader:
        metrics = {point.metric.name for point in reader.metrics()}
        yield Visited(answers, list(reader.spans()), list(reader.logs()), metrics)


def named(found: list[Any], name: str) -> Any:
    [one] = [each for each in found if name in (getattr(each, "event_name", None), getattr(each, "body", None))]
    return one


def test_it_answers(visited: Visited) -> None:
    statuses = {name: answer.status_code for name, answer in visited.answers.items()}
    assert statuses == {"order": 201, "sold out": 409, "me": 200, "broken": 500, "readers": 401, "shown": 200}


def test_an_order_is_an_event_with_what_was_ordered_and_by_whom(visited: Visited) -> None:
    event = named(visited.logs, "order.placed")
    expected = {"product": "boots", "quantity": 2, "customer": "ann", "user.id": "ann", "request.id": "a1b2"}
    assert expected.items() <= event.attributes.items()


def test_a_log_line_has_what_is_set_around_it(visited: Visited) -> None:
    line = named(visited.logs, "order placed")
    assert {"left": 38, "customer": "ann", "product": "boots"}.items() <= line.attributes.items()
    assert line.trace_id == named(visited.logs, "order.placed").trace_id


def test_a_reservation_is_a_span_and_two_metrics(visited: Visited) -> None:
    spans = [span for span in visited.spans if span.name == "shop.reserve"]
    assert {span.attributes["product"]: span.is_error for span in spans} == {"boots": False, "compass": True}
    assert {"shop.reserve.duration", "shop.reserve.calls", "shop.orders"} <= visited.metrics


def test_the_server_span_has_the_user(visited: Visited) -> None:
    [span] = [span for span in visited.spans if span.kind == "SERVER" and span.name == "GET /me"]
    assert span.attributes["user.id"] == "ann"


def test_the_request_tells_what_is_known_of_it(visited: Visited) -> None:
    found = visited.answers["me"].json()
    assert (found["http.route"], found["user.id"], found["request.id"]) == ("/me", "ann", "a1b2")


@pytest.mark.parametrize(("message", "scope"), [("compass", "tracked_fastapi"), ("the till is stuck", "uvicorn.error")])
def test_an_error_is_told_once_in_its_trace(visited: Visited, message: str, scope: str) -> None:
    told = [log for log in visited.logs if log.attributes.get("exception.message") == message]
    assert [log.scope.name for log in told] == [scope]
    assert told[0].trace_id in {span.trace_id for span in visited.spans}


def test_the_readers_show_the_application_what_it_recorded(visited: Visited) -> None:
    assert "order placed" in visited.answers["shown"].text
