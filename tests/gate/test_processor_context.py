"""An error brings its context: what waits, what releases it, and in which order it goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context

from gating import COUNT, REASON, Gated, attribute
from tidegate.gate.logs.reading import held

DROP_ALL: dict[str, Any] = {"min_rate": 0, "severity_rates": {"DEBUG": 0, "INFO": 0, "WARN": 0}}


def steps(gated: Gated, number: int = 3) -> None:
    for step in range(number):
        gated.log.debug("step %d", step)


def waiting(gated: Gated) -> int:
    traces = gated.processor._sieve.traces
    return traces.records if traces is not None else 0


@pytest.mark.parametrize("early", [False, True])
def test_an_error_releases_what_its_trace_logged_before_it(early: bool) -> None:
    gated = Gated(early=early, **DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        before = gated.bodies()
        gated.log.error("broken")
    assert before == []
    assert gated.bodies() == ["step 0", "step 1", "step 2", "broken"]


def test_what_is_released_stands_for_nothing_and_says_why() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        gated.log.error("broken")
    assert [(attribute(record, COUNT), attribute(record, REASON)) for record in gated.kept()] == [
        *[(0.0, "context")] * 3,
        (1.0, "error"),
    ]


def test_released_records_keep_their_times_and_attributes() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        gated.log.debug("step", extra={"order": 7})
        gated.log.error("broken")
    step, broken = gated.kept()
    assert attribute(step, "order") == 7
    assert (step.log_record.timestamp or 0) < (broken.log_record.timestamp or 0)
    assert step.log_record.trace_id == broken.log_record.trace_id


def test_released_records_are_counted_apart() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated, 5)
        gated.log.error("broken")
    by_severity = {row.severity: (row.seen, row.kept, row.released) for row in gated.processor.counts()}
    assert by_severity == {5: (5, 0, 5), 17: (1, 1, 0)}


def test_after_an_error_a_trace_keeps_everything() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        gated.log.error("broken")
        gated.log.debug("cleaning up")
    assert gated.bodies() == ["broken", "cleaning up"]
    assert attribute(gated.kept()[1], REASON) == "trace_error"


def test_an_error_brings_nothing_of_another_trace() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("one"):
        steps(gated)
    with gated.tracer.start_as_current_span("two"):
        gated.log.error("broken")
    assert gated.bodies() == ["broken"]


def test_a_span_that_ends_in_an_error_releases_its_trace() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        with gated.tracer.start_as_current_span("query") as span:
            span.set_status(Status(StatusCode.ERROR))
        assert gated.bodies() == ["step 0", "step 1", "step 2"]


def test_an_exception_that_leaves_the_root_span_releases_its_trace() -> None:
    gated = Gated(**DROP_ALL)

    def request() -> None:
        with gated.tracer.start_as_current_span("request"):
            steps(gated)
            raise ValueError

    with pytest.raises(ValueError):
        request()
    assert len(gated.kept()) == 3


def test_a_warning_with_an_exception_is_an_error_of_its_trace() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        try:
            raise ValueError
        except ValueError:
            gated.log.warning("retrying", exc_info=True)
    assert gated.bodies() == ["step 0", "step 1", "step 2", "retrying"]


def test_what_a_trace_held_is_forgotten_when_its_root_ends_well() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        before = waiting(gated)
    assert (before, waiting(gated), gated.kept()) == (3, 0, [])


def test_a_trace_that_calls_its_own_process_is_forgotten_with_its_last_root() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("outer") as outer:
        steps(gated)
        context = outer.get_span_context()
        remote = SpanContext(context.trace_id, 7, is_remote=True, trace_flags=TraceFlags(1))
        parent = set_span_in_context(NonRecordingSpan(remote))
        with gated.tracer.start_as_current_span("inner", context=parent):
            pass
        gated.log.error("broken")
    assert len(gated.kept()) == 4


def test_without_context_nothing_waits() -> None:
    gated = Gated(**DROP_ALL, context=False)
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        gated.log.error("broken")
    assert gated.bodies() == ["broken"]


def test_outside_a_trace_nothing_waits_unless_asked_for() -> None:
    gated = Gated(**DROP_ALL)
    steps(gated)
    gated.log.error("broken")
    assert gated.bodies() == ["broken"]


@pytest.mark.parametrize("early", [False, True])
def test_outside_a_trace_an_error_brings_what_its_thread_said_last(early: bool) -> None:
    gated = Gated(early=early, **DROP_ALL, task_context=True)
    gated.log.debug("long ago")
    gated.clock.now += 60
    other = threading.Thread(target=gated.log.debug, args=("of another thread",))
    other.start()
    other.join()
    steps(gated)
    gated.log.error("broken")
    assert gated.bodies() == ["step 0", "step 1", "step 2", "broken"]


def test_outside_a_trace_an_error_brings_what_its_task_said_last() -> None:
    gated = Gated(**DROP_ALL, task_context=True)

    async def task(name: str, level: int) -> None:
        gated.log.debug("step of %s", name)
        await asyncio.sleep(0)
        gated.log.log(level, "end of %s", name)

    async def main() -> None:
        await asyncio.gather(task("a", logging.INFO), task("b", logging.ERROR))

    asyncio.run(main())
    assert gated.bodies() == ["step of b", "end of b"]


def test_a_chain_of_gates_releases_to_the_last_one() -> None:
    gated = Gated(**DROP_ALL, behind=[(inner := Gated(**DROP_ALL)).processor])
    with gated.tracer.start_as_current_span("request"):
        steps(gated)
        gated.log.error("broken")
    assert inner.bodies() == gated.bodies()


def circle() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    "body", ["x" * 200_000, b"x" * 200_000, {"a": ["x" * 100_000, "y" * 100_000]}, [0] * 10_000], ids=type
)
def test_what_is_larger_than_a_trace_may_hold_does_not_wait(body: Any) -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        gated.provider.get_logger("api").emit(body=body, severity_number=SeverityNumber.DEBUG)
        assert waiting(gated) == 0


def test_a_body_that_contains_itself_is_measured() -> None:
    assert held((ReadWriteLogRecord(LogRecord(body=circle())), None))[1] > 100_000


def test_long_attributes_count_as_what_waits() -> None:
    gated = Gated(**DROP_ALL)
    with gated.tracer.start_as_current_span("request"):
        for number in range(10):
            gated.log.debug("step %d", number, extra={"payload": "x" * 20_000})
        assert waiting(gated) == 3
