"""The body of an answer, closed by one thread while another makes a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

import pytest

import making
import tidegate.store
from tidegate.serve.encoding import gzipped
from tidegate.serve.message import Body
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


@pytest.mark.parametrize("question", ["lines", "traces"])
def test_a_search_ends_when_nobody_waits_for_it(tmp_path: Path, question: str) -> None:
    sink = FileSink(str(tmp_path))
    for number in range(20):
        making.put(sink, [making.span(at=number, trace=number + 1)])
    sink.close()
    asked = count()
    with tidegate.store.open(tmp_path) as reader:
        ask = reader.traces if question == "traces" else lambda **filters: reader.lines("spans", **filters)
        assert not list(ask(where={"no": "such"}, stop=lambda: next(asked) == 3))
    assert next(asked) == 4
