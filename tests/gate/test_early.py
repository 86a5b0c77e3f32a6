"""Records dropped before their message is formatted, in whichever handlers the filter hangs."""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import math
import queue
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from gating import COUNT, REASON, TEMPLATE, Gated, attribute
from tidegate.gate.logs.runs import LONGEST
from tidegate.gate.policy import Condition, LogRule
from tidegate.record import capture

NOTHING: dict[str, Any] = {"min_rate": 0, "severity_rates": {"DEBUG": 0, "INFO": 0, "WARN": 0}}


class Listing(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Untold:
    """An argument that must not be asked for its text."""

    def __str__(self) -> str:
        raise AssertionError("formatted")


def test_what_is_dropped_is_never_formatted() -> None:
    gated = Gated(early=True, **NOTHING)
    for _ in range(100):
        gated.log.info("order of %s", Untold())
    assert (gated.seen(), gated.counted()) == (100, 0)


@pytest.mark.parametrize("message", ["order %d", "a heartbeat without arguments"])
def test_each_record_is_counted_once(message: str) -> None:
    gated = Gated(early=True, min_rate=0)
    arguments = (7,) if "%" in message else ()
    for _ in range(3_000):
        gated.log.info(message, *arguments)
    assert gated.seen() == 3_000
    assert gated.counted() == len(gated.kept())
    assert abs(len(gated.kept()) - 600) < 3 * math.sqrt(3_000 * 0.2 * 0.8)


def test_counts_stand_for_what_was_emitted() -> None:
    gated = Gated(early=True, min_rate=0, severity_rates={"INFO": 0.05})
    for number in range(40_000):
        if number % 50 == 0:
            gated.clock.now += 0.3  # runs are cut off in the midst
        gated.log.info("order %d", number)
    # each kept one stands for 20: the standard deviation is 20 · sqrt(40,000 · 0.05 · 0.95)
    assert abs(gated.stands_for() - 40_000) < 3 * 872


def test_the_pattern_is_the_template_also_where_the_handler_loses_it() -> None:
    gated = Gated(early=True)
    gated.log.info("order of %s", "someone")
    with gated.tracer.start_as_current_span("request"):
        gated.log.info("order of %s", "someone else")
    (row,) = gated.processor.counts()
    assert row.seen == 2
    assert {attribute(record, TEMPLATE) for record in gated.kept()} == {row.template}


def test_one_message_from_two_places_are_two_patterns() -> None:
    gated = Gated(early=True, **NOTHING)
    for _ in range(50):
        gated.log.info("done")
        gated.log.info("done")
    assert [row.seen for row in gated.processor.counts()] == [50, 50]


def test_levels_and_loggers_with_one_message_are_counted_apart() -> None:
    gated = Gated(early=True, **NOTHING)
    other = logging.Logger("other", logging.DEBUG)
    other.addHandler(gated.handler)
    for number in range(60):
        for log in (gated.log, other):
            log.log(logging.INFO if number % 2 else logging.DEBUG, "turn %d", number)
    assert sorted((row.severity, row.seen) for row in gated.processor.counts()) == [(5, 60), (9, 60)]


def test_an_event_with_a_known_message_is_kept() -> None:
    gated = Gated(early=True, **NOTHING)
    for number in range(100):
        extra = {"event.name": "shop.order"} if number == 99 else None
        gated.log.info("order %d", number, extra=extra)
    (kept,) = gated.kept()
    assert (kept.log_record.body, attribute(kept, REASON)) == ("order 99", "event")


def test_an_error_passes_whatever_was_dropped_before() -> None:
    gated = Gated(early=True, **NOTHING)
    for number in range(50):
        gated.log.info("order %d", number)
        gated.log.error("order %d", number)
    assert gated.counted() == len(gated.kept()) == 50


def test_in_a_trace_that_an_error_may_release_nothing_is_dropped_early() -> None:
    gated = Gated(early=True, **NOTHING)
    with gated.tracer.start_as_current_span("request"):
        for number in range(20):
            gated.log.info("order %d", number)
        gated.log.error("broken")
    assert len(gated.kept()) == 21
    assert gated.seen() == 21


def test_after_a_trace_records_are_dropped_early_again() -> None:
    gated = Gated(early=True, **NOTHING)
    with gated.tracer.start_as_current_span("request"):
        gated.log.info("order of %s", "someone")
    gated.log.info("order of %s", Untold())
    assert gated.seen() == 2


def test_wrong_arguments_harm_nobody_while_they_are_dropped() -> None:
    gated = Gated(early=True, **NOTHING)
    for _ in range(10):
        gated.log.info("order %d", "not a number")
    assert (gated.seen(), gated.processor.failures, gated.processor._early.failures) == (10, 0, 0)


@pytest.mark.parametrize("message", [None, 7, b"bytes", {"a": 1}, ["x"], ("y", 2), "\ud800", "x" * 100_000])
def test_a_message_of_any_kind_is_counted_once(message: object) -> None:
    gated = Gated(early=True)
    for _ in range(5):
        gated.log.info(message)
    assert (gated.seen(), len(gated.kept()), gated.processor._early.failures) == (5, 5, 0)


def test_a_rule_may_ask_for_what_is_not_formatted_yet() -> None:
    rules = [LogRule((Condition("body", "order 3"),), rate=0.0), LogRule((Condition("attribute", "eu", key="r"),), 0.0)]
    gated = Gated(early=True, rules=rules, min_rate=0, severity_rates={"INFO": 1.0})
    for number in range(6):
        gated.log.info("order %d", number, extra={"r": "eu"} if number == 5 else None)
    assert gated.bodies() == [f"order {number}" for number in (0, 1, 2, 4)]


# -- handlers


def test_the_same_handler_on_two_loggers_passes_and_counts_a_record_once() -> None:
    gated = Gated(early=True, min_rate=0)
    child = logging.Logger("shop.child", logging.DEBUG)
    child.parent = gated.log
    child.addHandler(gated.handler)
    for number in range(500):
        child.info("order %d", number)
    assert gated.seen() == 500
    assert len(gated.kept()) == gated.counted()


def test_two_handlers_agree_on_what_is_dropped() -> None:
    gated = Gated(early=True, min_rate=0)
    listing = Listing()
    listing.addFilter(gated.processor.filter)
    gated.log.addHandler(listing)
    for number in range(500):
        gated.log.info("order %d", number)
    assert gated.seen() == 500
    assert [record.getMessage() for record in listing.records] == gated.bodies()


def test_a_handler_that_is_not_opentelemetrys_drops_too() -> None:
    gated = Gated(**NOTHING)
    listing, log = Listing(), logging.Logger("plain", logging.DEBUG)
    listing.addFilter(gated.processor.filter)
    log.addHandler(listing)
    for number in range(100):
        log.info("order %d", number)
        log.error("broken %d", number)
    assert len(listing.records) == 100
    assert gated.seen() == 200


def test_after_handlers_were_exchanged_records_are_still_counted_once() -> None:
    gated = Gated(early=True, **NOTHING)
    for number in range(100):
        gated.log.info("order %d", number)
    former, gated.handler = gated.handler, type(gated.handler)(logger_provider=gated.provider)
    gated.handler.addFilter(gated.processor.filter)
    gated.log.handlers = [gated.handler]
    for number in range(2_000):
        gated.log.info("order %d", number)
    assert gated.seen() == 2_100
    assert not gated.processor._early._several
    assert former not in gated.log.handlers


def test_a_second_handler_is_noticed_where_everything_is_dropped() -> None:
    gated, second = Gated(early=True, **NOTHING), Listing()
    second.addFilter(gated.processor.filter)
    gated.log.addHandler(second)
    for number in range(3_000):
        gated.log.info("order %d", number)
    assert gated.seen() <= 3_000 + 2 * LONGEST


def test_through_a_queue_records_are_judged_where_they_arrive() -> None:
    gated = Gated(early=True, min_rate=0)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    gated.log.handlers = [logging.handlers.QueueHandler(waiting)]
    for number in range(300):
        gated.log.info("order %d", number)
    listener = logging.handlers.QueueListener(waiting, gated.handler)
    listener.start()
    listener.stop()
    assert gated.seen() == 300
    assert gated.counted() == len(gated.kept()) > 0


def test_records_of_our_own_and_of_exporters_pass_uncounted() -> None:
    gated = Gated(**NOTHING)
    listing = Listing()
    listing.addFilter(gated.processor.filter)
    own = logging.Logger("tidegate", logging.DEBUG)
    own.addHandler(listing)
    own.info("something %s", "new")
    gated.log.handlers = [listing]
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    gated.log.info("exported %d", 3)
    detach(token)
    assert (len(listing.records), gated.seen()) == (2, 0)


def test_other_baggage_in_the_context_is_no_trace() -> None:
    gated = Gated(early=True, **NOTHING)
    token = attach(set_value("language", "eo"))
    for _ in range(20):
        gated.log.info("order of %s", Untold())
    detach(token)
    assert (gated.seen(), gated.kept()) == (20, [])


@pytest.mark.parametrize("jump", [-7200, 7200])
def test_a_clock_that_jumps_costs_no_count(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    gated, now = Gated(early=True, min_rate=0), time.time
    for number in range(1_000):
        if number == 500:
            monkeypatch.setattr(time, "time", lambda: now() + jump)
        gated.log.info("order %d", number)
    assert gated.seen() == 1_000
    assert gated.counted() == len(gated.kept())


def test_a_clock_that_stands_still_mixes_no_records_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    gated = Gated(early=True, min_rate=0)
    for number in range(500):
        gated.log.info("order %d", number)
        gated.log.error("broken %d", number)
    assert gated.seen() == 1_000
    assert gated.counted() == len(gated.kept())


def test_a_million_kinds_of_records_stay_bounded() -> None:
    gated = Gated(early=True, max_pattern_cache_size=100, **NOTHING)
    for number in range(12_000):
        gated.log.info("".join(("m", str(number))))
    early = gated.processor._early
    assert gated.seen() == 12_000
    assert len(early._runs) <= 5_000
    assert len(early._latest) <= 5_000
    assert len(early._found) <= 1_000


# -- our own capture


@pytest.fixture
def captured() -> Iterator[Callable[[Gated], logging.Logger]]:
    """``captured(gated)``: a logger without handlers of OpenTelemetry's, which the capture hears."""

    def captured(gated: Gated) -> logging.Logger:
        capture.install(gated.provider)
        capture.drop_early(gated.processor.filter.filter)
        log = logging.Logger("captured", logging.DEBUG)
        log.addHandler(logging.NullHandler())
        return log

    yield captured
    capture.drop_early(None)
    capture.install(NoOpLoggerProvider())


def test_the_capture_drops_before_formatting_and_leaves_handlers_alone(captured: Any) -> None:
    gated = Gated(**NOTHING)
    log, listing = captured(gated), Listing()
    log.addHandler(listing)
    for _ in range(50):
        log.info("order of %s", Untold())
    assert (gated.seen(), gated.counted(), len(listing.records)) == (50, 0, 50)


def test_what_the_capture_keeps_is_counted_once_and_told_by_its_template(captured: Any) -> None:
    gated = Gated(min_rate=0)
    log = captured(gated)
    for number in range(500):
        log.info("order %d", number)
    (row,) = gated.processor.counts()
    assert (row.seen, row.kept) == (500, len(gated.kept()))
    assert attribute(gated.kept()[-1], COUNT) == 5.0


def test_the_capture_and_a_filtered_handler_agree(captured: Any) -> None:
    gated = Gated(min_rate=0)
    log, listing = captured(gated), Listing()
    listing.addFilter(gated.processor.filter)
    log.addHandler(listing)
    for number in range(300):
        log.info("order %d", number)
    assert gated.seen() == 300
    assert [record.getMessage() for record in listing.records] == gated.bodies()


def test_structlog_over_the_stdlib_is_judged_once(
    run: Callable[..., subprocess.CompletedProcess[str]], program: Any
) -> None:
    source = program(
        """
        import logging, sys
        sys.path.insert(0, sys.argv[1])
        import structlog
        from gating import Gated
        from tidegate.record import capture

        gated = Gated(min_rate=0, severity_rates={"INFO": 0.2})
        capture.install(gated.provider)
        capture.drop_early(gated.processor.filter.filter)
        logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory()
        )
        log = structlog.get_logger("shop")
        for number in range(1000):
            log.info("order placed", number=number)
        (row,) = gated.processor.counts()
        print(row.seen, row.kept == len(gated.kept()), 130 < row.kept < 270, row.template)
        """
    )
    import sys
    from pathlib import Path

    assert (
        run([sys.executable, source, Path(__file__).parents[1]]).stdout.split("\n")[0] == "1000 True True order placed"
    )


def test_loguru_behind_an_intercepting_handler_is_judged_once(
    run: Callable[..., subprocess.CompletedProcess[str]], program: Any
) -> None:
    source = program(
        """
        import logging, sys
        sys.path.insert(0, sys.argv[1])
        from loguru import logger
        from gating import Gated
        from tidegate.record import capture

        gated = Gated(min_rate=0, severity_rates={"INFO": 0.2})
        capture.install(gated.provider)
        capture.drop_early(gated.processor.filter.filter)
        logger.remove()
        logger.add(lambda message: None)

        class Intercept(logging.Handler):
            def emit(self, record):
                logger.opt(depth=6).log(record.levelname, record.getMessage())

        log = logging.getLogger("shop")
        log.setLevel(logging.INFO)
        log.addHandler(Intercept())
        for number in range(1000):
            log.info("order %d placed", number)
        print(sum(row.seen for row in gated.processor.counts()))
        """
    )
    import sys
    from pathlib import Path

    assert run([sys.executable, source, Path(__file__).parents[1]]).stdout == "1000\n"
