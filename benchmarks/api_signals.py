"""Metrics, timers and log calls of an application, each beside the same by hand, for `benchmarks.api_calls`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry import metrics
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

import tidegate

Call = Callable[[int], Any]
Pairs = dict[str, tuple[Call, Call]]


def pairs() -> Pairs:
    """By name: a call by hand, and ours."""
    return {**_metrics(), **_timers(), **_logs()}


def _metrics() -> Pairs:
    meter = metrics.get_meter("shop")
    orders, queue, basket = (
        meter.create_counter("by_hand.orders"),
        meter.create_gauge("by_hand.queue"),
        meter.create_histogram("by_hand.basket"),
    )
    return {
        "`counter(…)`": (lambda number: orders.add(1), lambda number: tidegate.counter("orders")),
        "`counter(…)`, 2 attributes": (
            lambda number: orders.add(1, {"channel": "web", "paid": True}),
            lambda number: tidegate.counter("orders", channel="web", paid=True),
        ),
        "`gauge(…)`, 2 attributes": (
            lambda number: queue.set(number, {"channel": "web", "paid": True}),
            lambda number: tidegate.gauge("queue", number, channel="web", paid=True),
        ),
        "`histogram(…)`, 2 attributes": (
            lambda number: basket.record(number, {"channel": "web", "paid": True}),
            lambda number: tidegate.histogram("basket", number, channel="web", paid=True),
        ),
    }


def _timers() -> Pairs:
    pricing = metrics.get_meter("shop").create_histogram("by_hand.pricing", "s")

    def by_hand(number: int) -> None:
        begin = time.perf_counter()
        try:
            pass
        finally:
            pricing.record(time.perf_counter() - begin, {"channel": "web"})

    def timed(number: int) -> None:
        with tidegate.timer("pricing", channel="web"):
            pass

    @tidegate.timer("pricing", channel="web")
    def decorated(number: int) -> None:
        pass

    return {"`with timer(…)`": (by_hand, timed), "`@timer(…)`": (by_hand, decorated)}


def _logs() -> Pairs:
    logger, ours = get_logger("shop"), tidegate.get_logger("shop")

    def by_hand(attributes: dict[str, Any]) -> None:
        logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body="order placed",
                attributes=attributes,
            )
        )

    return {
        "`info(…)`": (lambda number: by_hand({}), lambda number: tidegate.info("order placed")),
        "`info(…)`, 2 attributes": (
            lambda number: by_hand({"order.id": number, "channel": "web"}),
            lambda number: tidegate.info("order placed", order_id=number, channel="web"),
        ),
        "`info(…)`, 5 attributes": (
            lambda number: by_hand({"order": number, "channel": "web", "total": 1.5, "paid": True, "user": "u7"}),
            lambda number: tidegate.info("order placed", order=number, channel="web", total=1.5, paid=True, user="u7"),
        ),
        "`get_logger(…).info(…)`, 2 attributes": (
            lambda number: by_hand({"order.id": number, "channel": "web"}),
            lambda number: ours.info("order placed", order_id=number, channel="web"),
        ),
    }
