"""Subscriptions: what is committed comes, to threads and to event loops, and never more than may wait."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

import sealing
import tidegate.store
from conftest import Wait
from making import log, put, resource, span
from served import TOKEN
from storing import Store
from tidegate.errors import QueryError, StoreError
from tidegate.records import Log
from tidegate.store.subscription import Subscription


@pytest.fixture(params=["directory", "memory", "served"])
def new_store(
    request: pytest.FixtureRequest, stores_of: Callable[[str], Callable[[], Store]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Store]:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    return stores_of(request.param)


def take(subscription: Subscription, count: int) -> list[Any]:
    return [record.body for record in islice(subscription, count) if isinstance(record, Log)]


def write(store: Store, *bodies: Any) -> None:
    put(store.writer(), [log(body, number) for number, body in enumerate(bodies)])


def test_what_is_committed_comes_and_what_was_there_does_not(store: Store) -> None:
    write(store, "before")
    with store.reader().subscribe() as subscription:
        write(store, 1, 2)
        write(store, 3)
        assert sorted(take(subscription, 3)) == [1, 2, 3]


def test_each_signal_and_filter_can_be_subscribed_to(store: Store) -> None:
    reader = store.reader()
    with reader.subscribe("spans", name="b") as spans, reader.subscribe(service="pay") as logs:
        put(store.writer(), [span("a"), span("b")])
        put(store.writer(), [log("elsewhere")])
        put(store.writer(), [log("here")], resource("pay"))
        assert [record.name for record in islice(spans, 1)] == ["b"]  # type: ignore[union-attr]
        assert take(logs, 1) == ["here"]


def test_what_was_sealed_before_it_was_seen_comes_once(directory: Store) -> None:
    with directory.reader().subscribe() as subscription:
        for number in range(3):
            put(directory.writer(), [log(number, severity=9 + 4 * number)])
            directory.close()
            sealing.seal(directory.location)
        assert sorted(take(subscription, 3)) == [0, 1, 2]
        write(directory, "last")
        assert take(subscription, 1) == ["last"]


def test_more_than_may_wait_drops_the_oldest_and_counts(directory: Store, wait_for: Wait) -> None:
    with directory.reader().subscribe(max_queue=3) as subscription:
        write(directory, *range(10))
        wait_for(lambda: subscription.dropped == 7)
        assert take(subscription, 3) == [7, 8, 9]


def test_after_close_what_waits_comes_and_then_it_ends(directory: Store, wait_for: Wait) -> None:
    subscription = directory.reader().subscribe(max_queue=1)
    write(directory, 1, 2)
    wait_for(lambda: subscription.dropped)
    subscription.close()
    assert [record.body for record in subscription if isinstance(record, Log)] == [2]


def test_who_waits_is_woken_by_close(store: Store) -> None:
    subscription = store.reader().subscribe()
    ended = threading.Event()

    def wait() -> None:
        list(subscription)
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    subscription.close()
    waiting.join(20)
    assert ended.is_set()


def test_an_event_loop_goes_on_while_it_waits(store: Store) -> None:
    async def read() -> list[Any]:
        found: list[Any] = []
        with store.reader().subscribe() as subscription:
            asyncio.get_running_loop().call_later(0.01, write, store, 1, 2)
            async for record in subscription:
                found.append(record.body)  # type: ignore[union-attr]
                if len(found) == 2:
                    return found
        return found

    assert asyncio.run(read()) == [1, 2]


def test_a_loop_that_waits_ends_with_the_subscription(store: Store) -> None:
    async def read() -> list[Any]:
        subscription = store.reader().subscribe()
        asyncio.get_running_loop().call_later(0.01, subscription.close)
        return [record async for record in subscription]

    assert asyncio.run(read()) == []


def test_a_subscription_that_nobody_has_ends_its_thread(directory: Store, wait_for: Wait) -> None:
    def running() -> bool:
        return any(thread.name == "tidegate-subscription" for thread in threading.enumerate())

    subscription = directory.reader().subscribe()
    assert running()
    del subscription
    gc.collect()
    wait_for(lambda: not running())


def test_what_ends_the_search_is_raised_where_records_are_taken(directory: Store) -> None:
    def broken(stop: Callable[[], bool]) -> Any:
        yield from map(fail, [0])

    def fail(_: int) -> None:
        raise StoreError("no more")

    subscription = Subscription(broken)
    with pytest.raises(StoreError, match="no more"):
        next(subscription)
    with pytest.raises(StopIteration):
        next(subscription)
    subscription.close()


@pytest.mark.parametrize("max_queue", [0, -1, 1.5, "10", None, True])
def test_a_queue_without_room_is_refused(directory: Store, max_queue: Any) -> None:
    with pytest.raises(QueryError, match=r"max_queue is .*; it must be a whole number from 1"):
        directory.reader().subscribe(max_queue=max_queue)


def test_a_filter_that_makes_no_sense_is_refused_at_once(store: Store) -> None:
    with pytest.raises(QueryError, match="'limit' is not a filter"):
        store.reader().subscribe(limit=3)


def test_a_reader_of_one_service_is_told_of_nothing_else(directory: Store) -> None:
    with tidegate.store.open(directory.location, missing_ok=True, service="pay").subscribe() as subscription:
        put(directory.writer(), [log("elsewhere")])
        put(directory.writer(), [log("here")], resource("pay"))
        assert take(subscription, 1) == ["here"]


def test_who_is_cancelled_leaves_nothing_that_waits(directory: Store) -> None:
    async def wait(subscription: Subscription) -> None:
        task = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        assert len(subscription._queue._waiters) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with directory.reader().subscribe() as subscription:
        asyncio.run(wait(subscription))
        assert not subscription._queue._waiters


def test_a_loop_that_is_closed_meanwhile_does_not_end_it(directory: Store) -> None:
    class Closing(asyncio.SelectorEventLoop):
        is_late = False

        def is_closed(self) -> bool:
            """Not yet when the subscription asks."""
            return self.is_late and super().is_closed()

    with directory.reader().subscribe() as subscription:
        loop = Closing()
        assert subscription._queue.ready(loop) is not None
        loop.close()
        write(directory, 1)
        assert take(subscription, 1) == [1]
        loop.is_late = True
