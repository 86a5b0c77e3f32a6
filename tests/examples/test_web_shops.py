"""Each web example as its docstring says to start it, with real requests, ended by SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tidegate import store
from tidegate.records import Log, Span

pytestmark = pytest.mark.servers

SCRIPTS = Path(sys.executable).parent

#: PORT stands for the port.
SERVERS = {
    "fastapi-uvicorn": ["uvicorn", "fastapi_shop:app", "--workers", "2", "--port", "PORT"],
    "starlette-uvicorn": ["uvicorn", "starlette_shop:app", "--workers", "2", "--port", "PORT"],
    "flask-gunicorn": ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:PORT", "flask_shop:app"],
    "django-gunicorn": ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:PORT", "django_shop.wsgi"],
    "django-runserver": ["python", "-m", "django", "runserver", "--noreload", "127.0.0.1:PORT"],
}

REQUESTS: Sequence[tuple[str, str, object, int]] = [
    request
    for cart in ("ann", "bob", "cleo", "dora", "emil")
    for request in (
        ("GET", "/products", None, 200),
        ("POST", "/cart", {"cart": cart, "product_id": 1}, 201),
        ("POST", "/cart", {"cart": cart, "product_id": 99}, 404),
        ("POST", "/checkout", {"cart": cart, "card": "stolen"}, 500),
        ("POST", "/checkout", {"cart": cart, "card": "visa"}, 201),
    )
]


@dataclass
class Visited:
    """What a server answered, and what is stored after it has ended."""

    statuses: list[int]
    spans: list[Span]
    logs: list[Log]

    @property
    def server_spans(self) -> list[Span]:
        return [span for span in self.spans if span.kind == "SERVER"]


@pytest.fixture(scope="module", params=SERVERS)
def visited(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    directory = tmp_path_factory.mktemp(request.param)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environ |= {
        "PATH": f"{SCRIPTS}{os.pathsep}{environ.get('PATH', os.defpath)}",
        "DJANGO_SETTINGS_MODULE": "django_shop.settings",
        "OTEL_PYTHON_TIDEGATE_STORE": str(directory / "store"),
        "SHOP_DATABASE": str(directory / "shop.db"),
    }
    command = [part.replace("PORT", str(port)) for part in SERVERS[request.param]]
    output = directory / "output.txt"
    with output.open("w") as file:
        server = subprocess.Popen(
            ["opentelemetry-instrument", "--service_name", "shop", *command],
            env=environ,
            cwd=root / "examples",
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_it_listens(port, server, output)
        statuses = [visit(port, *sent) for sent in REQUESTS]
        server.terminate()
        server.wait(30)
    finally:
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        server.wait()
    with store.open(directory / "store") as reader:
        yield Visited(statuses, list(reader.spans()), list(reader.logs()))


def wait_until_it_listens(port: int, server: subprocess.Popen[bytes], output: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server does not listen; it printed:\n{output.read_text()}", pytrace=False)


def visit(port: int, method: str, path: str, content: object, _expected: int) -> int:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        return client.request(method, path, json=content).status_code


def test_the_shop_answers_as_a_shop(visited: Visited) -> None:
    assert visited.statuses == [expected for *_, expected in REQUESTS]


def test_every_request_is_one_server_span(visited: Visited) -> None:
    recorded = Counter(span.attributes["http.response.status_code"] for span in visited.server_spans)
    assert recorded == Counter(visited.statuses)


def test_a_request_without_parent_starts_a_trace_of_its_own(visited: Visited) -> None:
    assert len({span.trace_id for span in visited.server_spans}) == len(REQUESTS)


def test_an_exception_that_nobody_caught_makes_the_server_span_an_error(visited: Visited) -> None:
    failed = [span for span in visited.server_spans if span.is_error]
    assert [span.attributes["http.response.status_code"] for span in failed] == [500] * visited.statuses.count(500)


def test_database_work_is_recorded_under_its_request(visited: Visited) -> None:
    requests = {span.trace_id: span.attributes["http.response.status_code"] for span in visited.server_spans}
    inserts = [span for span in visited.spans if span.name.lower() == "insert" and span.trace_id in requests]
    # A filled cart is one insert, an order is another: both end in 201.
    assert Counter(requests[span.trace_id] for span in inserts) == {201: visited.statuses.count(201)}


def test_every_log_line_of_the_shop_is_recorded_once(visited: Visited) -> None:
    errors = Counter(str(log.body) for log in visited.logs if log.scope.name == "shop" and log.is_error)
    assert errors == {
        f"payment of 1290 cents for cart {cart} failed": 1 for cart in ("ann", "bob", "cleo", "dora", "emil")
    }


def test_a_log_line_carries_the_trace_of_its_request(visited: Visited) -> None:
    placed = [log for log in visited.logs if log.body == "order placed"]
    checkouts = {
        span.trace_id
        for span in visited.server_spans
        if span.attributes["http.response.status_code"] == 201 and "checkout" in span.name
    }
    assert {log.trace_id for log in placed} == checkouts
    assert len(placed) == len(checkouts)
