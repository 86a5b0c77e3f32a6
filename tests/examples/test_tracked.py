"""The examples of tracking, as their docstrings say to start them, visited by one user."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from live_server import LiveServer, live_server, quiet_environ
from recorded import Recorded, read
from tidegate.api.request.sessions import hashed_session

pytestmark = pytest.mark.servers

TOKEN = "q3V7yJ1cXw0nR5sKz8LmT2Hb"

FLASK = ["gunicorn", "--workers", "2", "--preload", "--bind", "127.0.0.1:PORT", "tracked_flask:create_app()"]
DJANGO = ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:PORT", "tracked_django.wsgi"]
RUNSERVER = ["python", "-m", "django", "runserver", "127.0.0.1:PORT"]


PREPARE = """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
call_command("createsuperuser", interactive=False, username="ann", email="ann@example.com", verbosity=0)
"""


@dataclass
class Visited:
    """What a server answered, and what is stored after it has ended."""

    answers: dict[str, httpx.Response]
    recorded: Recorded
    user: str

    def spans_of(self, name: str) -> list[Any]:
        return [span for span in self.recorded.spans if span.name == name]

    def trace_of(self, path: str) -> str:
        """The only request to a path."""
        [span] = [span for span in self.recorded.server_spans if span.attributes["url.path"] == path]
        return str(span.trace_id)

    def logs_of(self, path: str) -> list[Any]:
        return [log for log in self.recorded.logs if log.trace_id == self.trace_of(path)]


@pytest.fixture(scope="module", params=["flask", "django", "runserver"])
def visited(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Visited:
    directory = tmp_path_factory.mktemp(request.param)
    environ = {
        **quiet_environ(directory),
        "PYTHONPATH": str(root / "examples"),
        "DJANGO_SETTINGS_MODULE": "tracked_django.settings",
        "DJANGO_SUPERUSER_PASSWORD": "boots",
        "SHOP_DATABASE": str(directory / "shop.db"),
        "OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN,
    }
    if request.param != "flask":
        subprocess.run(["python", "-c", PREPARE], env={**environ, "OTEL_SDK_DISABLED": "true"}, check=True)
    commands = {"flask": FLASK, "django": DJANGO, "runserver": RUNSERVER}
    with live_server(commands[request.param], directory, environ) as server:
        answers = visit(server, request.param)
        server.end(signal.SIGINT if request.param == "runserver" else signal.SIGTERM)
    user = "42" if request.param == "flask" else "1"
    return Visited(answers, read(directory / "store"), user)


def visit(server: LiveServer, name: str) -> dict[str, httpx.Response]:
    client = server.client
    if name == "flask":
        client.post("/login/42")
    else:
        client.post("/login", data={"username": "ann", "password": "boots"})
    return {
        "shipped": client.post("/orders/7", headers={"X-Request-ID": "r-7"}),
        "declined": client.post("/orders/13"),
        "broken": client.get("/stock/boats"),
        "healthy": client.get("/healthz"),
        "readers": client.get("/telemetry/logs", headers={"Authorization": f"Bearer {TOKEN}"}),
    }


def test_the_application_answers(visited: Visited) -> None:
    assert {name: answer.status_code for name, answer in visited.answers.items()} == {
        "shipped": 201,
        "declined": 402,
        "broken": 500,
        "healthy": 200,
        "readers": 200,
    }
    assert visited.answers["shipped"].json() == {"parcel": "parcel-7", "user": visited.user}


def test_requests_are_one_server_span_each_but_those_that_are_excluded(visited: Visited) -> None:
    paths = sorted(span.attributes["url.path"] for span in visited.recorded.server_spans)
    login = "/login/42" if visited.user == "42" else "/login"
    assert paths == [login, "/orders/13", "/orders/7", "/stock/boats"]


def test_spans_and_records_have_the_user_and_the_request(visited: Visited) -> None:
    path = "/orders/7"
    [span] = [span for span in visited.recorded.server_spans if span.trace_id == visited.trace_of(path)]
    assert (span.attributes["user.id"], span.attributes["request.id"]) == (visited.user, "r-7")
    assert {
        (log.attributes["user.id"], log.attributes["request.id"], log.attributes["order_id"])
        for log in visited.logs_of(path)
    } == {(visited.user, "r-7", 7)}


def test_an_order_is_a_span_and_an_event_in_the_trace_of_its_request(visited: Visited) -> None:
    path = "/orders/7"
    assert visited.trace_of(path) in {span.trace_id for span in visited.spans_of("orders.charge")}
    assert "order.shipped" in {log.event_name for log in visited.logs_of(path)}


def test_an_error_that_is_handled_and_tracked_is_told_once(visited: Visited) -> None:
    path = "/orders/13"
    errors = [log for log in visited.logs_of(path) if log.is_error]
    assert [log.attributes["exception.message"] for log in errors] == ["the bank said no"]
    [charge] = [span for span in visited.spans_of("orders.charge") if span.trace_id == visited.trace_of(path)]
    assert [event.name for event in charge.events] == ["exception"]


def test_an_error_that_nobody_handles_is_one_event_and_one_record(visited: Visited) -> None:
    path = "/stock/boats"
    [span] = [span for span in visited.recorded.server_spans if span.trace_id == visited.trace_of(path)]
    assert [event.attributes["exception.type"] for event in span.events] == ["KeyError"]
    [error] = [log for log in visited.recorded.logs if log.is_error and "boats" in str(log.attributes)]
    assert error.trace_id == span.trace_id


def test_no_session_is_stored_as_it_is(visited: Visited, tmp_path: Path) -> None:
    cookies = visited.answers["shipped"].request.headers["cookie"].split("=", 1)[1]
    assert cookies not in str(visited.recorded)
    if visited.user == "1":
        sessions = {span.attributes.get("session.id") for span in visited.recorded.server_spans}
        assert hashed_session(cookies) in sessions


@pytest.mark.parametrize("visited", ["runserver"], indirect=True)
def test_the_process_that_only_reloads_records_nothing(visited: Visited) -> None:
    assert visited.recorded.processes == 1
