"""Clients that say nothing, take nothing, or search for ever: others are answered all the same."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import making
from live_server import LiveServer, live_server, quiet_environ
from mounting import APPS, events, wait_for
from served import TOKEN
from tidegate.serve.places import MAX_REQUESTS
from tidegate.serve.server import THREADS
from tidegate.store.sinks import FileSink

pytestmark = pytest.mark.servers

#: The server with short bounds.
SERVE = """
import sys
from tidegate.cli import main
from tidegate.serve import asgi_app, connections
{changes}
main(["serve", "store", "--port", sys.argv[1]])
"""

Serve = Callable[[str], LiveServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve(changes)``: `tidegate serve` over the store, with these changes."""
    with ExitStack() as stack:

        def serve(changes: str) -> LiveServer:
            program = tmp_path / "program.py"
            program.write_text(SERVE.format(changes=changes))
            command: list[str | Path] = [sys.executable, program, "PORT"]
            return stack.enter_context(live_server(command, tmp_path, quiet_environ(tmp_path)))

        yield serve


@pytest.fixture
def fill(tmp_path: Path) -> Callable[[int], None]:
    """``fill(blocks)``: write blocks of 500 log records."""
    sink = FileSink(str(tmp_path / "store"))
    batch = [making.log(f"a log record of some length, number {number}", number) for number in range(500)]

    def fill(blocks: int) -> None:
        for _ in range(blocks):
            making.put(sink, batch)

    return fill


def connect(server: LiveServer, said: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(said)
    return connection


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nhost: loc"], ids=["nothing", "half a head"])
def test_a_connection_without_a_request_is_closed(serve: Serve, said: bytes) -> None:
    server = serve("connections.HEAD_S = 0.5")
    with connect(server, said) as client:
        assert is_closed(client)


def test_so_is_one_whose_next_request_never_comes_whole(serve: Serve) -> None:
    server = serve("connections.HEAD_S = 0.5")
    with connect(server, b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n") as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        wait_for(lambda: is_refused(client, b"x"))


def test_a_client_that_follows_and_says_nothing_more_is_kept(serve: Serve, fill: Callable[[int], None]) -> None:
    server = serve("connections.HEAD_S = 0.01")
    with server.client.stream("GET", "/logs/stream") as answer:
        coming = events(answer.iter_lines())
        next(coming)
        fill(1)
        assert next(event for event in coming if event.name).name == "log"


def is_refused(client: socket.socket, said: bytes) -> bool:
    """Whether there is nobody any more to say something to."""
    try:
        client.sendall(said)
    except OSError:
        return True
    return False


def is_closed(client: socket.socket) -> bool:
    """True once the server has closed the connection."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def test_clients_that_take_nothing_keep_no_place(serve: Serve, fill: Callable[[int], None]) -> None:
    fill(40)
    server = serve("asgi_app.TAKE_S = 0.5")
    with ExitStack() as stack:
        for _ in range(MAX_REQUESTS + 6):
            stack.enter_context(connect(server, b"GET /logs HTTP/1.1\r\nhost: localhost\r\n\r\n"))
        wait_for(lambda: server.get("/logs?limit=1").status_code == 200)


def test_a_connection_that_takes_nothing_is_closed(serve: Serve, fill: Callable[[int], None]) -> None:
    fill(40)
    server = serve("connections.TAKE_S = 0.5")
    with connect(server, b"GET /logs HTTP/1.1\r\nhost: localhost\r\n\r\n") as client:
        wait_for(lambda: is_left(server, client))


def is_left(server: LiveServer, client: socket.socket) -> bool:
    """Whether the server has no connection to this client any more."""
    port = f":{client.getsockname()[1]:04X}"
    rows = [line.split() for line in Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]]
    return not any(row[2].endswith(port) and row[3] == "01" for row in rows)


def test_a_form_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    server = serve("asgi_app.POST_S = 0.1")
    head = b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\ntok"
    with connect(server, head) as client:
        assert client.recv(12) == b"HTTP/1.1 408"


def test_everybody_is_answered_while_searches_go_on(serve: Serve, fill: Callable[[int], None]) -> None:
    fill(1)
    server = serve(  # searches that never end
        "from itertools import repeat; from tidegate.store.reader import Reader;"
        "Reader.line_steps = lambda self, signal, **filters: repeat(None) if 'where' in filters else iter([b'{}'])"
    )
    with ExitStack() as stack, httpx.Client(base_url=server.client.base_url, trust_env=False) as client:
        for _ in range(4 * THREADS):
            assert stack.enter_context(client.stream("GET", "/logs?where=no=such")).status_code == 200
        assert server.get("/health/live").status_code == 200
        assert server.get("/metrics/prometheus").status_code == 200
        assert server.get("/logs").text == "{}"
        coming = events(stack.enter_context(server.client.stream("GET", "/logs/stream")).iter_lines())
        next(coming)
        fill(1)
        assert next(event for event in coming if event.name).name == "log"


def test_a_websocket_that_is_refused_says_nothing_in_the_log_of_the_application(tmp_path: Path) -> None:
    (tmp_path / "asgi_shop.py").write_text((APPS / "asgi_shop.py").read_text())
    environ = quiet_environ(tmp_path, OTEL_SERVICE_NAME="shop", OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN)
    asked = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    with live_server(["uvicorn", "asgi_shop:app", "--port", "PORT"], tmp_path, environ) as server:
        refused = server.get("/telemetry/stream", **asked, **{"sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="})
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        server.end(signal.SIGTERM)
        assert "ERROR" not in server.output.read_text()
