from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tidegate.demo.traffic import USER_AGENT, Traffic


class Shop(ThreadingHTTPServer):
    """Answers everything with 404 and remembers who asked for what."""

    request_queue_size = 64  # the usual five are fewer than the customers

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["User-Agent"]))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 (the base class calls it so)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_exactly_as_many_requests_are_sent_as_asked_for(shop: Shop) -> None:
    traffic = Traffic(shop.url, pause=0, total=100)
    traffic.run(lambda sent: None)
    assert (traffic.sent, len(shop.seen)) == (100, 100)


def test_progress_ends_with_the_number_sent(shop: Shop) -> None:
    seen: list[int] = []
    Traffic(shop.url, pause=0, total=30).run(seen.append)
    assert seen[-1] == 30


def test_requests_say_whose_they_are(shop: Shop) -> None:
    Traffic(shop.url, pause=0, total=20).run(lambda sent: None)
    assert {agent for _, agent in shop.seen} == {USER_AGENT}


def test_without_a_total_it_goes_on_until_it_is_interrupted(shop: Shop) -> None:
    traffic = Traffic(shop.url, pause=0)

    def interrupt(sent: int) -> None:
        if sent >= 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        traffic.run(interrupt)
    assert traffic.sent == len(shop.seen) >= 50


def test_a_shop_that_does_not_answer_is_an_error(free_port: int) -> None:
    with pytest.raises(httpx.ConnectError):
        Traffic(f"http://127.0.0.1:{free_port}", pause=0, total=10).run(lambda sent: None)
