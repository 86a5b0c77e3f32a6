"""A reader of one service sees nothing of the others, whatever it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

import tidegate.store
from making import T0, log, put, resource, span
from storing import Store
from tidegate.records import Trace
from tidegate.store.block import Batch
from tidegate.store.reader import Reader
from tidegate.store.rows import Record

TRACE = 7 << 100


def write(store: Store) -> None:
    """A span of one trace, a log record and a point of each of two services, in blocks of one segment."""
    writer = store.writer()
    for number, service in enumerate(("shop", "pay")):
        put(writer, [span(service, number, trace=TRACE, id=number + 1)], resource(service))
        put(writer, [log(service, number, trace=TRACE)], resource(service))
        columns = {"t0": str(T0), "metrics": [{"name": service, "type": "gauge"}], "value": [{"as_int": 1}]}
        writer.append(resource(service), Batch("metrics", 1, columns, T0, T0))


@pytest.fixture
def shop(store: Store) -> Reader:
    """A reader restricted to the first of the two services."""
    write(store)
    return tidegate.store.open(store.location, service="shop")


def services(records: Iterable[Record | Trace]) -> list[str]:
    return [record.service for record in records if not isinstance(record, Trace)]


@pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])
@pytest.mark.parametrize(
    "filters", [{}, {"limit": 5}, {"where": {"service.name": "pay"}}, {"service": "pay"}], ids=repr
)
def test_records_are_of_one_service(shop: Reader, signal: str, filters: dict[str, Any]) -> None:
    found = services(getattr(shop, signal)(**filters))
    assert found == ([] if "pay" in str(filters) else ["shop"])


def test_without_a_service_a_reader_sees_all(store: Store) -> None:
    write(store)
    assert services(tidegate.store.open(store.location).logs()) == ["pay", "shop"]


def test_a_trace_has_the_spans_and_logs_of_one_service(shop: Reader) -> None:
    trace = shop.trace(f"{TRACE:032x}")
    assert trace is not None
    assert (trace.services, services(trace.logs)) == (["shop"], ["shop"])


def test_a_trace_of_another_service_alone_is_none(store: Store) -> None:
    write(store)
    put(store.writer(), [span(trace=9 << 100)], resource("pay"))
    assert tidegate.store.open(store.location, service="shop").trace(f"{9 << 100:032x}") is None


def test_traces_have_the_spans_of_one_service(shop: Reader) -> None:
    assert [trace.services for trace in shop.traces()] == [["shop"]]


def test_one_service_is_counted(shop: Reader) -> None:
    assert [(service.name, service.spans, service.logs, service.points) for service in shop.services()] == [
        ("shop", 1, 1, 1)
    ]


def test_a_cursor_of_another_service_shows_nothing_of_it(shop: Reader, store: Store) -> None:
    newest = next(tidegate.store.open(store.location).logs(service="pay"))
    assert services(shop.logs(cursor=newest.cursor)) == ["shop"]


@pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])
def test_following_gives_one_service(new_store: Callable[[], Store], signal: Any) -> None:
    store = new_store()
    follower = tidegate.store.open(store.location, missing_ok=True, service="shop").follower(signal, within=0)
    write(store)
    assert services(follower.poll()) == ["shop"]


def test_followed_traces_have_the_spans_of_one_service(store: Store) -> None:
    follower = tidegate.store.open(store.location, missing_ok=True, service="shop").follower("traces", within=0)
    write(store)
    assert [trace.services for trace in follower.poll() if isinstance(trace, Trace)] == [["shop"]]


def test_a_watermark_of_another_reader_shows_nothing_of_the_others(store: Store) -> None:
    before = tidegate.store.open(store.location, missing_ok=True).follower("logs", within=0).watermark
    write(store)
    reader = tidegate.store.open(store.location, service="shop")
    assert services(reader.follower("logs", after=before, within=0).poll()) == ["shop"]
