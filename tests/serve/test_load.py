"""Large answers, many clients, slow ones, and those that leave: memory and places stay bounded."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import making
import tidegate.store
from live_server import LiveServer, live_server, quiet_environ
from mounting import APPS, events, wait_for
from served import TOKEN
from tidegate.record import logs
from tidegate.serve.guard import Guard
from tidegate.serve.message import MAX_LIVE, Request, Response
from tidegate.serve.places import MAX_REQUESTS
from tidegate.serve.site import Site
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.servers

RECORDS = 300_000
BLOCK = 500

#: Bytes by which a server may grow while it answers with all of them, which are some hundred MiB.
GROWTH = 48 << 20


class Writer:
    """Writes blocks of log records, of which each is later than the one before."""

    def __init__(self, location: Path) -> None:
        self._sink = FileSink(str(location))
        self._batch = logs.batch([making.log(f"a log record that is number {each}", each) for each in range(BLOCK)])
        self._written = 0

    def write(self, blocks: int) -> None:
        for _ in range(blocks):
            later = self._written * BLOCK
            columns = {**self._batch.columns, "t0": str(int(self._batch.columns["t0"]) + later)}
            batch = replace(
                self._batch, columns=columns, first=self._batch.first + later, last=self._batch.last + later
            )
            self._sink.append(making.SHOP, batch)
            self._written += 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("large")
    Writer(directory / "store").write(RECORDS // BLOCK)
    return directory


@pytest.fixture
def server(store: Path) -> Iterator[LiveServer]:
    with live_server(["tidegate", "serve", "store", "--port", "PORT"], store, quiet_environ(store)) as server:
        yield server


def peak(server: LiveServer) -> int:
    """The most memory that the server's process has had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10


@pytest.mark.parametrize("path", ["/logs", "/logs/json"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_memory_stays_bounded_while_all_records_are_sent(server: LiveServer, path: str, encoding: str) -> None:
    server.get(f"{path}?limit=1000")
    before, lines = peak(server), 0
    with server.client.stream("GET", path, headers={"accept-encoding": encoding}) as answer:
        for chunk in answer.iter_bytes():
            lines += chunk.count(b"\n")
    assert lines >= RECORDS
    assert peak(server) - before < GROWTH


def test_clients_that_leave_in_the_middle_make_room(server: LiveServer) -> None:
    for _ in range(MAX_REQUESTS + 1):
        with server.client.stream("GET", "/logs") as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())


@pytest.fixture
def ask(store: Path) -> Callable[[str], Response]:
    """``ask(path)``: an answer that nobody has taken yet, without a server."""
    site = Site(lambda: tidegate.store.open(store / "store"), Guard())
    return lambda path: site.respond(Request("GET", path, headers={"host": "localhost"}))


def test_more_requests_than_there_are_places_are_told_to_come_again(ask: Callable[[str], Response]) -> None:
    held = [ask("/logs") for _ in range(MAX_REQUESTS)]
    refused = ask("/logs")
    assert {answer.status for answer in held} == {200}
    assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "5")


def test_whether_a_process_lives_is_told_however_busy_it_is(ask: Callable[[str], Response]) -> None:
    held = [ask("/logs") for _ in range(MAX_REQUESTS + 1)]
    assert (held[-1].status, ask("/health/live").status) == (503, 200)


def test_an_answer_that_is_closed_leaves_its_place(ask: Callable[[str], Response]) -> None:
    for answer in [ask("/logs") for _ in range(MAX_REQUESTS)]:
        answer.body.close()
    assert ask("/logs").status == 200


def test_an_answer_that_is_forgotten_leaves_its_place(ask: Callable[[str], Response]) -> None:
    for _ in range(MAX_REQUESTS + 1):
        answer = ask("/logs")
        next(answer.body)
    assert answer.status == 200


def test_more_clients_that_follow_than_there_are_places_are_told_to_come_again(server: LiveServer) -> None:
    with ExitStack() as stack, httpx.Client(base_url=server.client.base_url, limits=UNLIMITED) as client:
        for _ in range(MAX_LIVE):
            assert stack.enter_context(client.stream("GET", "/logs/stream")).status_code == 200
        refused = client.get("/logs/stream")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert client.get("/logs?limit=1").status_code == 200
        stack.close()
        wait_for(lambda: is_taken(client))


UNLIMITED = httpx.Limits(max_connections=None)


def is_taken(client: httpx.Client) -> bool:
    with client.stream("GET", "/logs/stream") as answer:
        return answer.status_code == 200


#: The server with a bound that is soon passed.
SERVE = """
import sys
from tidegate.cli import main
from tidegate.store import follow
follow.MAX_BACKLOG = 2000
main(["serve", "store", "--port", sys.argv[1]])
"""


def test_a_client_that_is_slow_is_told_how_much_it_missed(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "store")
    writer.write(1)
    program = tmp_path / "program.py"
    program.write_text(SERVE)
    with (
        live_server([sys.executable, program, "PORT"], tmp_path, quiet_environ(tmp_path)) as server,
        server.client.stream("GET", "/logs/stream") as answer,
    ):
        coming = events(answer.iter_lines())
        next(coming)
        for _ in range(60):
            writer.write(2)  # more than its connection holds, and than may wait for it
            server.get("/health/live")
        received = dropped = 0
        while received + dropped < 60 * 2 * BLOCK:
            event = next(coming)
            received += event.name == "log"
            dropped += json.loads(event.data)["dropped"] if event.name == "dropped" else 0
    assert received + dropped == 60 * 2 * BLOCK
    assert dropped > 0


def test_the_event_loop_goes_on_while_a_question_is_searched_for(store: Path) -> None:
    (store / "asgi_shop.py").write_text((APPS / "asgi_shop.py").read_text())
    environ = quiet_environ(store, OTEL_SERVICE_NAME="shop", OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN)
    with (
        live_server(["uvicorn", "asgi_shop:app", "--port", "PORT"], store, environ) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        headers = {"authorization": f"Bearer {TOKEN}"}
        server.get("/telemetry/logs?limit=1", **headers)
        search = pool.submit(server.get, "/telemetry/logs?where=nothing=nothing", **headers)
        answered_meanwhile = 0
        while not search.done():
            assert httpx.get(f"http://127.0.0.1:{server.port}/hello", trust_env=False).text == "hello"
            answered_meanwhile += not search.done()
        assert search.result().content == b""
        assert answered_meanwhile > 1
