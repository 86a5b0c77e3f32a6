"""The body of an answer, closed by one thread while another makes a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

import making
import tidegate.store
from tidegate.serve import records
from tidegate.serve.encoding import gzipped
from tidegate.serve.guard import Guard
from tidegate.serve.message import AGAIN, Body, Request
from tidegate.serve.site import Site
from tidegate.store.sinks import FileSink


class Slow:
    """Chunks of which the second waits until it may go on."""

    def __init__(self) -> None:
        self.going, self.may_go_on, self.released = Event(), Event(), Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"first"
        self.going.set()
        self.may_go_on.wait(30)
        yield b"second"
        yield b"third"


@pytest.mark.parametrize("wrap", [lambda body: body, gzipped], ids=["plain", "gzip"])
def test_closing_does_not_wait_for_the_chunk_that_is_made(wrap: Callable[[Body], Body]) -> None:
    slow = Slow()
    body = wrap(Body(iter(slow), slow.released.set))
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(list, body)
        assert slow.going.wait(30)
        body.close()
        assert slow.released.is_set()
        slow.may_go_on.set()
        assert b"third" not in making.result()


def test_a_body_that_is_closed_has_no_more_chunks() -> None:
    body = Body(iter([b"one", b"two"]))
    body.close()
    assert list(body) == []


def test_it_is_released_once() -> None:
    released: list[str] = []
    body = Body(iter([b"one"]), lambda: released.append("once"))
    body.close()
    body.close()
    assert released == ["once"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Over a store of 20 blocks."""
    sink = FileSink(str(tmp_path))
    for number in range(20):
        making.put(sink, [making.span(at=number, trace=number + 1)])
    sink.close()
    return Site(lambda: tidegate.store.open(tmp_path), Guard())


def ask(site: Site, path: str, encoding: str = "identity") -> Body:
    path, _, query = path.partition("?")
    return site.respond(Request("GET", path, query, {"host": "localhost", "accept-encoding": encoding})).body


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("path", ["/spans", "/spans/json", "/traces", "/traces/json"])
def test_a_search_makes_room_after_each_block(
    site: Site, monkeypatch: pytest.MonkeyPatch, path: str, encoding: str
) -> None:
    monkeypatch.setattr(records, "STEP_S", 0)
    found = list(ask(site, f"{path}?where=no=such&offset=3", encoding))
    assert [chunk is AGAIN for chunk in found[:20]] == [True] * 20


def test_what_was_found_goes_out_when_a_search_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "STEP_S", 0)
    body = ask(site, "/spans?limit=2")
    assert [chunk.count(b"\n") for chunk in body if chunk is not AGAIN] == [1, 1]


@pytest.mark.parametrize("path", ["/spans", "/traces"])
def test_a_search_ends_when_nobody_waits_for_it(site: Site, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(records, "STEP_S", 0)
    body = ask(site, f"{path}?where=no=such")
    assert next(body) is AGAIN
    body.close()
    assert list(body) == []


@pytest.mark.parametrize("path", ["/spans", "/traces"])
@pytest.mark.parametrize("offset", [0, 7, 30])
def test_a_limit_and_an_offset_count_what_was_found(site: Site, path: str, offset: int) -> None:
    everything = b"".join(ask(site, path)).splitlines()
    assert b"".join(ask(site, f"{path}?limit=4&offset={offset}")).splitlines() == everything[offset : offset + 4]
