"""Web servers as people start them, ended by SIGTERM and by Ctrl-C: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from live_server import APPS, live_server, quiet_environ
from recorded import Recorded, read
from tidegate.testing import OTLPReceiver

pytestmark = pytest.mark.servers

Wait = Callable[..., None]

REQUESTS = 24


@dataclass(frozen=True)
class Kind:
    """How a server is started, how many processes of it serve requests (None: they come and go), what it says once a
    process (logger and beginning of the message) and how many processes there are that may record anything. Django's
    autoreloader ends its child by SIGKILL when it gets SIGTERM, so that what is recorded has to be on disk before."""

    command: str
    workers: int | None
    says: tuple[str, str]
    processes: int | None
    kills_at_sigterm: bool = False


UVICORN = ("uvicorn.error", "Started server process")
GUNICORN = ("gunicorn.error", "Booting worker with pid")

KINDS = {
    "uvicorn": Kind("uvicorn fastapi_app:app --port PORT", 1, UVICORN, 1),
    "uvicorn --workers": Kind("uvicorn fastapi_app:app --port PORT --workers 2", 2, UVICORN, 3),
    "uvicorn --reload": Kind("uvicorn fastapi_app:app --port PORT --reload", 1, UVICORN, 2),
    "gunicorn flask": Kind("gunicorn -w 2 -b 127.0.0.1:PORT flask_app:app", 2, GUNICORN, 3),
    "gunicorn --preload": Kind("gunicorn -w 2 --preload -b 127.0.0.1:PORT flask_app:app", 2, GUNICORN, 3),
    "gunicorn --max-requests": Kind(
        "gunicorn -w 2 --max-requests 5 -b 127.0.0.1:PORT flask_app:app", None, GUNICORN, None
    ),
    "gunicorn django": Kind("gunicorn -w 2 -b 127.0.0.1:PORT django_app:application", 2, GUNICORN, 3),
    "runserver --noreload": Kind(
        "python django_app.py runserver --noreload 127.0.0.1:PORT", 1, ("django.server", '"GET /items/0 '), 1
    ),
    "runserver": Kind(
        "python django_app.py runserver 127.0.0.1:PORT",
        1,
        ("django.server", '"GET /items/0 '),
        2,
        kills_at_sigterm=True,
    ),
}


@dataclass(frozen=True)
class Visited:
    kind: Kind
    trace_ids: list[str]
    status: int
    status_without_us: int
    seen: Recorded


@pytest.fixture(scope="module", params=[signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> signal.Signals:
    found: signal.Signals = request.param
    return found


@pytest.fixture(scope="module", params=KINDS)
def visited(
    request: pytest.FixtureRequest, number: signal.Signals, tmp_path_factory: pytest.TempPathFactory, wait_for: Wait
) -> Iterator[Visited]:
    kind = KINDS[request.param]
    directory = tmp_path_factory.mktemp("server")
    shutil.copytree(APPS, directory, dirs_exist_ok=True)
    with (
        live_server(["opentelemetry-instrument", *kind.command.split()], directory) as server,
        live_server(kind.command.split(), directory) as bare,
    ):
        with ThreadPoolExecutor(4) as pool:
            responses = list(pool.map(server.get, [f"/items/{number}" for number in range(REQUESTS)]))
        assert {response.status_code for response in responses} == {200}
        if kind.kills_at_sigterm and number == signal.SIGTERM:
            wait_for(lambda: _is_on_disk(read(directory / "store")))
        status = server.end(number)
        yield Visited(
            kind,
            [response.headers["trace-id"] for response in responses],
            status,
            bare.end(number),
            read(directory / "store"),
        )


def _is_on_disk(seen: Recorded) -> bool:
    """Log records and spans are two blocks, one written after the other."""
    return len(seen.logs_of("django.server")) == len(seen.server_spans) == REQUESTS


def test_each_request_is_exactly_one_server_span(visited: Visited) -> None:
    assert sorted(span.trace_id for span in visited.seen.server_spans) == sorted(visited.trace_ids)


def test_each_log_record_is_there_once_with_the_trace_of_its_request(visited: Visited) -> None:
    logged = {log.body: log.trace_id for log in visited.seen.logs_of("app")}
    assert logged == {f"item {number}": trace_id for number, trace_id in enumerate(visited.trace_ids)}
    assert len(visited.seen.logs_of("app")) == REQUESTS


def test_what_the_server_itself_logs_is_recorded_once(visited: Visited) -> None:
    logger, beginning = visited.kind.says
    said = Counter(log.body for log in visited.seen.logs_of(logger) if str(log.body).startswith(beginning))
    assert set(said.values()) == {1}
    assert visited.kind.workers is None or len(said) == visited.kind.workers


def test_each_access_log_line_is_recorded_once(visited: Visited) -> None:
    access = {"uvicorn": "uvicorn.access", "python": "django.server"}.get(visited.kind.command.split()[0])
    assert len(visited.seen.logs_of(access or "gunicorn.access")) == (REQUESTS if access else 0)


def test_no_process_but_those_that_served_or_logged_leaves_a_trace(visited: Visited) -> None:
    assert visited.kind.processes is None or visited.seen.processes <= visited.kind.processes


def test_only_requests_make_spans(visited: Visited) -> None:
    assert {span.kind for span in visited.seen.spans} == {"SERVER"}


def test_nothing_in_the_store_is_damaged(visited: Visited) -> None:
    assert visited.seen.damaged == 0


def test_the_server_ends_with_the_status_that_it_has_without_us(visited: Visited) -> None:
    assert visited.status == visited.status_without_us


def test_what_four_workers_served_is_sent_though_each_is_killed_in_turn(tmp_path: Path, wait_for: Wait) -> None:
    shutil.copytree(APPS, tmp_path, dirs_exist_ok=True)
    with OTLPReceiver() as receiver:
        sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_PYTHON_TIDEGATE_SEND": "all"}
        command = "opentelemetry-instrument gunicorn -w 4 -b 127.0.0.1:PORT flask_app:app"
        with live_server(command.split(), tmp_path, quiet_environ(tmp_path, **sending)) as server:
            served = 0
            wait_for(lambda: _have_begun(_children(server.process.pid)))
            for worker in _children(server.process.pid):
                for _ in range(8):
                    assert server.get("/items/1").status_code == 200
                    served += 1
                wait_for(lambda: len(read(tmp_path / "store").server_spans) == served)  # noqa: B023 — called at once
                os.kill(worker, signal.SIGKILL)
                wait_for(lambda: worker not in _children(server.process.pid))  # noqa: B023
            wait_for(lambda: _have_begun(_children(server.process.pid)))
            assert server.end(signal.SIGTERM) == 0
        recorded = {span.span_id for span in read(tmp_path / "store").spans}
        assert {span.span_id for span in receiver.spans} == recorded
        assert len(recorded) == served


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _have_begun(workers: list[int]) -> bool:
    """Whether four of gunicorn's workers handle signals by themselves: until then, they pass by a SIGTERM."""
    caught = [Path(f"/proc/{each}/status").read_text().partition("SigCgt:")[2].split()[0] for each in workers]
    return len(caught) == 4 and all(int(each, 16) >> (signal.SIGABRT - 1) & 1 for each in caught)
