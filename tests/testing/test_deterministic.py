"""Ids and times that are the same from run to run, and what is made of them."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import _internal as logs_api
from opentelemetry.sdk import trace as trace_sdk
from opentelemetry.sdk.trace import TracerProvider

import tidegate
from tidegate.api import timing
from tidegate.testing import Telemetry, capture
from tidegate.testing.showing import MAX_LINES

START_NS = 946_684_800 * 10**9
MS = 10**6


def order(**options: Any) -> Telemetry:
    tracer = trace.get_tracer("shop")
    with capture(**options) as telemetry:
        with tracer.start_as_current_span("order", attributes={"b": 2, "a": (1, 2)}) as span:
            logging.getLogger("shop").warning("%s left", 3, extra={"sku": "A1"})
            with tracer.start_as_current_span("charge"):
                pass
            span.add_event("paid", {"with": "card"})
        logging.getLogger("shop").error("outside")
    return telemetry


def test_ids_count_up() -> None:
    spans = order(deterministic=True).spans()
    assert [span.span_id for span in spans] == [f"{number:016x}" for number in (1, 2)]
    assert {span.trace_id for span in spans} == {f"{1:032x}"}


def test_the_clock_ticks_by_being_looked_at() -> None:
    telemetry = order(deterministic=True)
    outer, inner = telemetry.spans()
    times = [outer.start_time_unix_nano, inner.start_time_unix_nano, inner.end_time_unix_nano]
    assert [*times, outer.end_time_unix_nano] == [START_NS + tick * MS for tick in (0, 2, 3, 5)]
    assert [event.time_unix_nano for event in outer.events] == [START_NS + 4 * MS]
    assert [log.time_unix_nano for log in telemetry.logs()] == [START_NS + tick * MS for tick in (1, 6)]


def test_what_our_own_calls_log_has_times_of_the_same_clock() -> None:
    with capture(deterministic=True) as telemetry:
        tidegate.info("first")
        logging.getLogger("shop").warning("second")
        tidegate.track_event("third")
        tidegate.track_error(ValueError("fourth"))
    assert [log.time_unix_nano for log in telemetry.logs()] == [START_NS + tick * MS for tick in range(4)]
    assert [log.event_name or log.body for log in telemetry.logs()] == [
        "first",
        "second",
        "third",
        "ValueError: fourth",
    ]


def test_what_is_timed_took_so_many_ticks() -> None:
    with capture(deterministic=True) as telemetry:
        with tidegate.timer("pricing"):
            tidegate.info("a tick")
        with tidegate.timed_log("report"):
            pass
        tidegate.instrument("orders.place")(lambda: tidegate.info("a tick"))()
    assert telemetry.metric("pricing").sum == pytest.approx(0.002)
    assert telemetry.log("report finished").attributes["duration"] == pytest.approx(0.001)
    assert telemetry.metric("orders.place.duration").sum == pytest.approx(0.002)


def test_two_runs_are_the_same() -> None:
    first, second = (order(deterministic=True) for _ in range(2))
    assert first.snapshot() == second.snapshot()
    assert "trace_id" in first.snapshot()["spans"][0]


def test_ids_and_clock_are_as_before_afterwards() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    order(deterministic=True, providers=[provider])
    span: Any = provider.get_tracer("shop").start_span("after")
    assert span.get_span_context().span_id > 1000
    assert span.start_time > START_NS * 1.5
    assert timing.perf_counter is time.perf_counter  # type: ignore[attr-defined]
    assert trace_sdk.time_ns is logs_api.time_ns is time.time_ns  # type: ignore[attr-defined]


def test_an_inner_capture_counts_by_itself() -> None:
    with capture(deterministic=True) as outer:
        inner = order(deterministic=True)
        with trace.get_tracer("shop").start_as_current_span("last"):
            pass
    assert inner.span("order").span_id == outer.span("last").span_id == f"{1:016x}"


def test_a_snapshot_is_plain_data() -> None:
    found = order().snapshot(ignore=["sku"])
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "spans": [
            {
                "name": "order",
                "kind": "INTERNAL",
                "parent": None,
                "status": "UNSET",
                "attributes": {"a": [1, 2], "b": 2},
                "events": [{"name": "paid", "attributes": {"with": "card"}}],
            },
            {
                "name": "charge",
                "kind": "INTERNAL",
                "parent": "order",
                "status": "UNSET",
                "attributes": {},
                "events": [],
            },
        ],
        "logs": [
            {"level": "WARN", "body": "3 left", "event_name": "", "span": "order", "attributes": {}},
            {"level": "ERROR", "body": "outside", "event_name": "", "span": None, "attributes": {}},
        ],
    }


def test_a_tree_is_text() -> None:
    assert order().tree().splitlines() == [
        "order  b=2 a=[1, 2]",
        "├─ WARN  3 left  sku=A1",
        "├─ charge",
        "└─ ◦ paid  with=card",
        "ERROR  outside",
    ]


def test_a_tree_is_harmless_to_a_terminal() -> None:
    with capture() as telemetry:
        logging.getLogger("shop").warning("\x1b[31mred\nline")
    assert telemetry.tree() == "WARN  \\x1b[31mred\\nline"


def test_a_tree_has_an_end() -> None:
    with capture() as telemetry:
        for _ in range(MAX_LINES + 3):
            logging.getLogger("shop").warning("again")
    assert telemetry.tree().splitlines()[-1] == "… and 3 more lines"
