"""Whatever a request says, it is answered, and never by an error of ours."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate.store
from live_server import LiveServer
from served import TOKEN, fill, served
from tidegate.serve.guard import Guard
from tidegate.serve.message import NDJSON, Request, Response
from tidegate.serve.parameters import PARAMETERS
from tidegate.serve.routes import ROUTES
from tidegate.serve.site import Site

#: The same examples every time, and few enough.
bounded = settings(derandomize=True, database=None, deadline=None, max_examples=400)
few = settings(derandomize=True, database=None, deadline=None, max_examples=60)

NASTY = st.sampled_from(
    [
        *(
            "",
            "0",
            "1",
            "-1",
            "00",
            "1e999",
            "nan",
            "9" * 400,
            "true",
            "false",
            "null",
            "0x1",
            "٣",
            "\x00",
            "\r\n",
            "'",
        ),
        *("1m", "0s", "1w", "99999w", "2026-11-21T08:00:00Z", "9999-12-31T23:59:59.999999+23:59", "0001-01-01"),
        *("1.a.1", "0.0.0", "f.ffffffffffffffff.f", "a=b", "=", "==", "order=1", "n=1", "order", "shop", "%", "../.."),
        *("trace", "ERROR", "fatal", "0af7", "f" * 32, "spans", "logs", "traces", "<script>", "\ud7ff", "🦀", "ﬀ", "İ"),
    ]
)
VALUES = NASTY | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(str)
NAMES = st.sampled_from([*PARAMETERS]) | st.text(max_size=8)


def asked(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name)}={quote(value, errors='replace')}" for name, value in pairs)


QUERIES = st.one_of(
    st.lists(st.tuples(NAMES, VALUES), max_size=5).map(asked),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
#: Endpoints with parameters that they take.
QUESTIONS = st.sampled_from(ROUTES).flatmap(
    lambda route: st.tuples(
        st.just(route.path.format(trace_id="0af7", pattern_id="0af7")),
        st.lists(st.tuples(st.sampled_from(route.takes or ("x",)), VALUES), max_size=3).map(asked),
    )
)
PATHS = st.sampled_from([route.path for route in ROUTES]) | st.text(max_size=20).map("/".__add__)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "accept",
            "accept-encoding",
            "cookie",
            "last-event-id",
            "range",
            "if-none-match",
            "content-type",
            "origin",
            "x",
        ]
    ),
    VALUES | st.sampled_from(["gzip", "*/*", "text/plain", "application/openmetrics-text", "text/html,*/*;q=0.8"]),
    max_size=3,
)
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "", "A" * 50])

#: Never 500; 501 and 503 are for what these requests are not.
EXPECTED = {200, 303, 400, 401, 403, 404, 405, 413, 414, 415, 426, 431}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("fuzzed")
    fill(directory)
    return directory


@pytest.fixture(scope="module")
def site(directory: Path) -> Site:
    return Site(lambda: tidegate.store.open(directory / "store"), Guard(TOKEN))


def body(response: Response) -> bytes:
    """All of it, or the beginning of what has no end."""
    try:
        return b"".join(islice(response.body, 3) if response.live else response.body)
    finally:
        response.body.close()


def check(response: Response) -> None:
    content = body(response)
    assert response.status in EXPECTED, content
    for name, value in response.headers:
        assert f"{name}{value}".encode("latin-1").isascii(), (name, value)
        assert not set("\r\n\0") & set(name + value), (name, value)
    if response.content_type == NDJSON and ("content-encoding", "gzip") not in response.headers:
        assert all(isinstance(json.loads(line), dict) for line in content.splitlines() if line)


@bounded
@given(question=QUESTIONS | st.tuples(PATHS, QUERIES))
def test_any_query_of_one_who_may_ask_is_answered(site: Site, question: tuple[str, str]) -> None:
    path, query = question
    headers = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    check(site.respond(Request("GET", path, query, headers)))


@bounded
@given(
    method=METHODS, path=PATHS, query=QUERIES, headers=HEADERS, content=st.binary(max_size=60), root=st.text(max_size=8)
)
def test_any_request_of_one_who_may_ask_is_answered(
    site: Site, method: str, path: str, query: str, headers: dict[str, str], content: bytes, root: str
) -> None:
    known = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    check(site.respond(Request(method, path, query, {**headers, **known}, root, body=content)))


@bounded
@given(
    path=PATHS, query=QUERIES, headers=HEADERS, host=st.sampled_from(["localhost", "evil.test"]) | st.text(max_size=9)
)
def test_who_may_not_ask_is_told_the_same_whatever_there_is(
    site: Site, path: str, query: str, headers: dict[str, str], host: str
) -> None:
    request = Request("GET", path, query, {**headers, "host": host})
    nothing = Site(lambda: pytest.fail("the store was opened"), Guard(TOKEN))
    found, expected = site.respond(request), nothing.respond(request)
    assert found.status in (401, 403) or path.rstrip("/") == "/login"
    assert (found.status, found.headers, body(found)) == (expected.status, expected.headers, body(expected))


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[LiveServer]:
    with served(directory) as server:
        yield server


def ask(server: LiveServer, head: bytes) -> bytes:
    """The beginning of the answer to a request whose first line and further headers are these bytes."""
    known = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + b"\r\n" + known.encode())
        return connection.recv(12)


@pytest.mark.servers
@few
@given(question=QUESTIONS | st.tuples(PATHS, QUERIES))
def test_any_query_is_answered_by_a_real_server(server: LiveServer, question: tuple[str, str]) -> None:
    path, query = question
    target = f"{quote(path)}?{query}".encode()
    said = ask(server, b"GET " + target + b" HTTP/1.1")
    assert said.startswith(b"HTTP/1.1 ")
    assert int(said[9:]) in EXPECTED


@pytest.mark.servers
@few
@given(target=st.binary(max_size=30), headers=st.binary(max_size=40))
def test_any_bytes_are_answered_by_a_real_server(server: LiveServer, target: bytes, headers: bytes) -> None:
    said = ask(server, b"GET /" + target + b" HTTP/1.1\r\nX: " + headers)
    assert said.startswith(b"HTTP/1.1 ")
    assert int(said[9:]) in EXPECTED


@pytest.mark.servers
def test_after_all_that_the_server_has_nothing_to_complain_of(server: LiveServer) -> None:
    assert server.get("/logs", authorization=f"Bearer {TOKEN}").status_code == 200
    assert "failed" not in server.output.read_text()
