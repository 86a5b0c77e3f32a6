"""Questions from asyncio: the same answers, and an end when nobody waits for them any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from making import log, put, span
from storing import Store
from tidegate.errors import QueryError, QueryTimeout
from tidegate.store import asynchronous
from tidegate.store.deadline import Deadline
from tidegate.store.reader import Reader

Ask = Callable[[Reader], Any]


def ask(store: Store, question: Ask) -> Any:
    async def main() -> Any:
        with store.reader() as reader:
            return await question(reader)

    return asyncio.run(main())


async def collected(reader: Reader, *question: Any, **filters: Any) -> list[Any]:
    return [each async for each in reader.astream(*question, **filters)]


def test_a_stream_has_every_record_in_order(store: Store) -> None:
    put(store.writer(), [log(n, n) for n in range(1500)])
    found = ask(store, lambda reader: collected(reader, "logs", order="oldest"))
    assert [record.body for record in found] == list(range(1500))


def test_a_stream_takes_filters_and_positional_arguments(store: Store) -> None:
    put(store.writer(), [log("a"), log("b", severity=17)])
    assert len(ask(store, lambda reader: collected(reader, "lines", "logs", min_level="error"))) == 1


@pytest.mark.parametrize("question", [("count", "spans"), ("quantiles",), ("top", "name"), ("edges",), ("services",)])
def test_an_answer_is_the_one_that_is_had_without_waiting(store: Store, question: tuple[str, ...]) -> None:
    put(store.writer(), [span("a", trace=1, id=1), span("b", trace=1, id=2, parent=1)])
    name, *arguments = question
    with store.reader() as reader:
        assert ask(store, lambda other: other.aask(*question)) == getattr(reader, name)(*arguments)


def test_who_leaves_the_loop_ends_the_search(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "PORTION", 1)
    put(store.writer(), [log(n, n) for n in range(10)])
    deadline = Deadline()

    async def first(reader: Reader) -> Any:
        stream: Any = reader.astream("logs", timeout=deadline)
        record = await anext(stream)
        await stream.aclose()
        return record.body

    assert (ask(store, first), deadline.is_over) == (9, True)


def test_a_task_that_is_cancelled_ends_its_search(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store.writer(), [log()])
    searching, ended = threading.Event(), threading.Event()

    def search(reader: Reader, signal: str, *, timeout: Deadline) -> int:
        searching.set()
        try:
            while True:
                timeout.check(0, 1)
        finally:
            ended.set()

    monkeypatch.setattr(Reader, "count", search)

    async def cancelled(reader: Reader) -> bool:
        task = asyncio.ensure_future(reader.aask("count", "logs"))
        await asyncio.to_thread(searching.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(ended.wait, 20)

    assert ask(store, cancelled) is True


def test_following_gives_what_is_committed_from_then_on(store: Store) -> None:
    writer = store.writer()
    put(writer, [log("before")])

    async def next_one(reader: Reader) -> Any:
        stream: Any = reader.astream("follow", "logs", poll=0.01)
        coming = asyncio.ensure_future(anext(stream))
        while not coming.done():
            await asyncio.sleep(0.01)
            put(writer, [log("after")])
        await stream.aclose()
        return (await coming).body

    assert ask(store, next_one) == "after"


def test_a_timeout_holds_here_too(store: Store) -> None:
    put(store.writer(), [log()])
    with pytest.raises(QueryTimeout, match="longer than its timeout"):
        ask(store, lambda reader: collected(reader, "logs", timeout=1e-9))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda reader: collected(reader, "count"), r"must be one of spans, .* Ask it with aask\(\)"),
        (lambda reader: collected(reader, "close"), "must be one of spans"),
        (lambda reader: reader.aask("logs"), r"must be one of trace, .* Ask it with astream\(\)"),
    ],
    ids=["an answer", "no question", "a stream"],
)
def test_what_cannot_be_asked_is_refused(store: Store, question: Ask, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        ask(store, question)
