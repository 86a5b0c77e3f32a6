"""Following a served store: nothing lost and nothing twice, whatever happens to connection and server."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

import tidegate.serve
import tidegate.store
from conftest import Start
from live_server import SCRIPTS
from making import T0, log, put, span
from scripted import Scripted, head, scripted
from served import TOKEN
from storing import Store
from tidegate.errors import QueryError, StoreError
from tidegate.records import Log
from tidegate.store.reader import Reader
from tidegate.store.served import live
from tidegate.store.served.remote import RemoteReader
from tidegate.store.sinks import FileSink
from tidegate.store.watermark import Watermark

EVENTS = head("text/event-stream")


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long where nothing depends on it."""
    monkeypatch.setattr(live, "PAUSE_S", 0.01)
    monkeypatch.setattr(live, "LOOK_S", 0.05)


@pytest.fixture
def served(stores_of: Callable[[str], Callable[[], Store]]) -> Store:
    return stores_of("served")()


def event(body: Any, *, id: str = "", kind: str = "log") -> bytes:
    record = Log.from_dict({"time_unix_nano": T0, "observed_time_unix_nano": T0, "body": body, "resource": {}})
    data = json.dumps({**record.to_dict(), "cursor": f"cursor of {body}"})
    return f"{f'id: {id}{chr(10)}' if id else ''}event: {kind}\ndata: {data}\n\n".encode()


def reader_of(server: Scripted, told: list[str] | None = None) -> RemoteReader:
    reader = cast("RemoteReader", tidegate.store.open(server.url))
    reader.notice = (told if told is not None else []).append
    return reader


def bodies(reader: Reader, until: Any, **filters: Any) -> list[Any]:
    """The bodies of what follows, up to one."""
    found: list[Any] = []
    found.extend(cast("Log", record).body for record in reader.follow("logs", stop=lambda: until in found, **filters))
    return found


def header(request: str, name: str) -> list[str]:
    return [line.partition(": ")[2] for line in request.split("\r\n") if line.lower().startswith(f"{name}:")]


def test_a_lost_connection_goes_on_after_the_last_event_with_an_id() -> None:
    replies = [EVENTS + event(1, id="a") + event(2) + event(3), EVENTS + event(2) + event(3, id="b") + event(4)]
    with scripted(*replies) as server, reader_of(server) as reader:
        assert bodies(reader, until=4) == [1, 2, 3, 4]
        assert [header(request, "last-event-id") for request in server.requests] == [[], ["a"]]


def test_an_id_without_an_event_counts_too() -> None:
    with scripted(EVENTS + b"retry: 1000\nid: a\n\n", EVENTS + event(1)) as server, reader_of(server) as reader:
        assert bodies(reader, until=1) == [1]
        assert header(server.requests[1], "last-event-id") == ["a"]


def test_an_event_that_broke_off_comes_again_whole() -> None:
    replies = [EVENTS + event(1, id="a") + event(2)[:-20], EVENTS + event(2) + event(3)]
    with scripted(*replies) as server, reader_of(server) as reader:
        assert bodies(reader, until=3) == [1, 2, 3]


def test_what_repeats_in_a_record_of_its_own_stays() -> None:
    same = event("same", id="a")
    with scripted(EVENTS + same + same.replace(b"cursor of same", b"another") + event("end")) as server:
        assert bodies(reader_of(server), until="end") == ["same", "same", "end"]


def test_a_server_that_is_away_is_tried_until_it_is_back() -> None:
    refusals = [
        head("text/html", "502 Bad Gateway"),
        b"",
        b"nonsense\r\n\r\n",
        head("application/problem+json", "503 No"),
    ]
    told: list[str] = []
    with (
        scripted(EVENTS + event(1, id="a"), *refusals, EVENTS + event(2)) as server,
        reader_of(server, told) as reader,
    ):
        assert bodies(reader, until=2) == [1, 2]
        url = server.url
        requests = server.requests
    assert told == [f"{url} cannot be read: the stream has ended. Connecting again.", f"Connected to {url} again."]
    assert [header(request, "last-event-id") for request in requests[1:]] == [["a"]] * 5


def test_pauses_between_attempts_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    monkeypatch.setattr(live, "time", type("Time", (), {"sleep": staticmethod(sleep), "monotonic": lambda: now}))
    with scripted(EVENTS + event(1), b"") as server, reader_of(server) as reader:
        assert list(reader.follow("logs", poll=100, stop=lambda: len(pauses) == 15, text="x")) != []
    assert pauses == pytest.approx([min(live.PAUSE_S * 2**n, live.MAX_PAUSE_S) for n in range(15)])


def test_a_server_that_wants_another_token_meanwhile_is_not_tried_again() -> None:
    refusal = head("application/problem+json", "401 Unauthorized") + b'{"detail": "a token is needed."}'
    with (
        scripted(EVENTS + event(1), refusal) as server,
        reader_of(server) as reader,
        pytest.raises(StoreError, match=r"refuses \(401\): a token is needed"),
    ):
        bodies(reader, until=2)


def test_the_first_connection_is_not_tried_again() -> None:
    with tidegate.store.open("http://127.0.0.1:1") as reader, pytest.raises(StoreError, match="nothing listens"):
        reader.follow("logs")


def test_records_that_were_passed_by_are_told() -> None:
    told: list[str] = []
    dropped = b'event: dropped\ndata: {"dropped": 1234, "total": 1234}\n\n'
    with scripted(EVENTS + dropped + event(1)) as server, reader_of(server, told) as reader:
        assert bodies(reader, until=1) == [1]
    assert told == ["1,234 records were passed by: more had come than may wait for one client."]


@pytest.mark.parametrize(
    "noise",
    [
        b": nothing yet\n\n",
        b"event: news\ndata: {}\n\n",
        b"data: {}\n\n",
        b"\n\n\n",
        b"id: a b\x00c\n\n",
        b"no colon\n\n",
    ],
)
def test_what_is_no_event_of_ours_is_passed_over(noise: bytes) -> None:
    with scripted(EVENTS + noise + event(1), EVENTS + event(2)) as server, reader_of(server) as reader:
        assert bodies(reader, until=2) == [1, 2]
        assert header(server.requests[1], "last-event-id") == []


def test_lines_may_end_like_those_of_http() -> None:
    with scripted(EVENTS + event(1).replace(b"\n", b"\r\n")) as server, reader_of(server) as reader:
        assert bodies(reader, until=1) == [1]


@pytest.mark.parametrize("data", [b"[]", b"{}", b"<h1>", b'{"dropped": "many"}'])
def test_an_event_that_is_no_record_is_told(data: bytes) -> None:
    kind = b"dropped" if b"many" in data else b"log"
    with (
        scripted(EVENTS + b"event: " + kind + b"\ndata: " + data + b"\n\n") as server,
        reader_of(server) as reader,
        pytest.raises(StoreError, match="sent what is not a record"),
    ):
        bodies(reader, until=1)


def quiet_stream() -> Iterator[bytes]:
    """Connected, and nothing more until the server is closed."""
    yield EVENTS
    while True:
        time.sleep(0.05)
        yield b""


def test_stop_is_asked_while_nothing_comes() -> None:
    asked = iter([False, False, True])
    with scripted(quiet_stream) as server, reader_of(server) as reader:
        assert list(reader.follow("logs", poll=0, stop=lambda: next(asked))) == []


def test_no_thread_stays_when_it_ends() -> None:
    before = threading.active_count()
    with scripted(EVENTS + event(1) + event(2)) as server, reader_of(server) as reader:
        with closing(cast("Any", reader.follow("logs"))) as coming:
            next(coming)
        names = [thread.name for thread in threading.enumerate()]
        assert "tidegate-follow" not in names
    assert threading.active_count() == before


def test_times_are_kept_to() -> None:
    with scripted(EVENTS + event(1) + event("end")) as server, reader_of(server) as reader:
        asked = iter([False, False, True])
        assert list(reader.follow("logs", since=T0 + 1, stop=lambda: next(asked))) == []
        assert "since" not in server.requests[0]


def test_it_goes_on_where_an_earlier_follower_was(served: Store) -> None:
    writer = served.writer()
    put(writer, [log("before")])
    with tidegate.store.open(served.location) as local:
        place = local.follower("logs").watermark
    put(writer, [log("after")])
    with served.reader() as reader:
        (record,) = islice(reader.follow("logs", after=place), 1)
    assert cast("Log", record).body == "after"


def test_a_long_time_away_loses_nothing(served: Store) -> None:
    with tidegate.store.open(served.location, missing_ok=True) as local:
        place = local.follower("logs").watermark
    writer = served.writer()
    for number in range(0, 12_000, 1000):
        put(writer, [log(number + each, number + each) for each in range(1000)])
    with served.reader() as reader:
        assert bodies(reader, until=11_999, after=place) == list(range(12_000))


# --- looks


def test_spans_are_followed_by_looking_again_and_again(served: Store) -> None:
    writer = served.writer()
    put(writer, [span("before", 0)])
    with served.reader() as reader:
        coming = reader.follow("spans", errors=True)
        put(writer, [span("fine", 1), span("failed", 2, error=True)])
        put(writer, [span("late", 1, error=True)])
        found = [cast("Any", record).name for record in islice(coming, 2)]
    assert sorted(found) == ["failed", "late"]


def test_the_place_of_a_follower_is_for_streams_alone(served: Store) -> None:
    with served.reader() as reader, pytest.raises(QueryError, match="after= is for log records"):
        reader.follow("spans", after=Watermark())


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def one_at_a_time(tmp_path: Path) -> Iterator[Store]:
    """A store served by a WSGI server that answers one request at a time, which cannot stream."""
    app = tidegate.serve.wsgi(store=str(tmp_path / "store"), service="*", token=TOKEN)
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        store = Store(str(tmp_path / "store"), lambda: FileSink(str(tmp_path / "store")))
        store.reader = lambda: tidegate.store.open(f"http://127.0.0.1:{server.server_port}")  # type: ignore[method-assign]
        yield store
        server.shutdown()
        thread.join()
        store.close()


def test_a_server_that_cannot_stream_is_asked_again_and_again(one_at_a_time: Store) -> None:
    writers = [one_at_a_time.writer() for _ in range(2)]
    put(writers[0], [log("before", 5)])
    with one_at_a_time.reader() as reader:
        coming = reader.follow("logs")
        found: list[Any] = []
        for number in range(5):
            put(writers[0], [log(f"new {number}", 10 + number)])
            put(writers[1], [log(f"late {number}", number), log(f"later {number}", 10 + number)])
            found += [cast("Log", record).body for record in islice(coming, 3)]
    assert sorted(found) == sorted(f"{word} {number}" for word in ("new", "late", "later") for number in range(5))


def test_a_store_that_is_empty_at_first_can_be_looked_at(one_at_a_time: Store) -> None:
    with one_at_a_time.reader() as reader:
        coming = reader.follow("logs")
        put(one_at_a_time.writer(), [log("first")])
        assert [cast("Log", record).body for record in islice(coming, 1)] == ["first"]


def lines(*numbers: int) -> bytes:
    records = (json.loads(event(number).split(b"data: ")[1]) for number in numbers)
    return head("application/x-ndjson") + b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_looks_go_on_when_the_server_was_away() -> None:
    told: list[str] = []
    replies = [head("application/problem+json", "501 No"), lines(1), lines(1), b"", b"", lines(2, 1)]
    with scripted(*replies) as server, reader_of(server, told) as reader:
        assert bodies(reader, until=2) == [2]
        url = server.url
    assert told == [f"{url} cannot be read: Remote end closed connection without response. Trying again.",
                    f"{url} answers again."]  # fmt: skip


def test_more_than_a_look_may_have_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_LOOK", 2)
    told: list[str] = []
    replies = [head("application/problem+json", "501 No"), lines(), lines(), lines(3, 2)]
    with scripted(*replies) as server, reader_of(server, told) as reader:
        assert bodies(reader, until=3) == [2, 3]
        assert "limit=2" in server.requests[-1]
    assert told == ["More than 2 records came at once; older ones were passed by."]


# --- a real server


@pytest.fixture
def serve(start: Start, store_dir: Path, free_port: int) -> Callable[[], subprocess.Popen[str]]:
    """``serve()``: `tidegate serve`, always at the same port; it answers when this returns."""

    def serve() -> subprocess.Popen[str]:
        command = [SCRIPTS / "tidegate", "serve", store_dir, "--port", str(free_port)]
        process = start(command, env={"OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN})
        until(lambda: _listens(free_port))
        return process

    return serve


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.servers
def test_nothing_is_lost_or_doubled_while_the_server_is_killed_and_started_again(
    serve: Callable[[], subprocess.Popen[str]], directory: Store, free_port: int
) -> None:
    writers = [directory.writer() for _ in range(3)]
    written: list[str] = []
    found: list[str] = []

    def write(count: int) -> None:
        for number in range(count):
            written.append(f"record {len(written)}")
            put(writers[number % 3], [log(written[-1], len(written))])

    def follow() -> None:
        found.extend(cast("Log", record).body for record in coming)

    server = serve()
    with tidegate.store.open(f"http://127.0.0.1:{free_port}") as reader:
        coming = reader.follow("logs", stop=lambda: "end" in found)
        thread = threading.Thread(target=follow)
        thread.start()
        for _ in range(3):
            write(60)
            until(lambda: len(found) > len(written) - 30)  # it is killed while it hands out the rest
            server.kill()
            server.wait()
            write(60)
            server = serve()
        until(lambda: len(found) >= len(written))
        put(writers[0], [log("end", 10**6)])
        thread.join(60)
    assert not thread.is_alive()
    assert sorted(found) == sorted([*written, "end"])
