"""What a scrape costs: points as Prometheus text, beside the official client on the same series."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import prometheus_client
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from benchmarks.measure import Case, interleaved, table
from tidegate.records import Metric, Point, Resource, Scope
from tidegate.serve.prometheus import Exposition

SHOP = Resource({"service.name": "shop", "service.instance.id": "6f1c2d3e-0000-4000-8000-5b6a79880000"})
SCOPE = Scope("opentelemetry.instrumentation.fastapi", "0.66b1")
BOUNDS = [0.0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5]
ROUTES = ["/items/{item_id}", "/carts/{cart_id}", "/orders", "/orders/{order_id}/lines"]


class Moving:
    """Points, and the same series in the official client; all values are new before each measurement."""

    def __init__(self, points: Sequence[Point], registry: prometheus_client.CollectorRegistry) -> None:
        self.points, self.registry, self._chance = points, registry, random.Random(1)

    def move(self) -> None:
        for point in self.points:
            point.value = _moved(point.value, self._chance)
            point.exemplars = [_exemplar(self._chance) for _ in point.exemplars]


def run(repeats: int) -> str:
    rows = []
    for title, moving in (
        ("7,500 counters, 2,500 gauges", numbers()),
        ("1,000 histograms of 15 buckets", histograms()),
        ("the same with 3 new exemplars each", histograms(exemplars=3)),
    ):
        kept = Exposition()
        for openmetrics, generate in ((False, prometheus_client.generate_latest), (True, generate_openmetrics)):
            times = _times(moving, kept, generate, repeats, openmetrics=openmetrics)
            client = times["client"]
            shares = [f"{times[name] * 1000:.1f} ms, {times[name] / client:.2f}" for name in ("kept", "first")]
            rows.append([title, "OpenMetrics" if openmetrics else "0.0.4", *shares, f"{client * 1000:.1f} ms"])
    heads = ["series", "format", "each scrape, of the client's", "the first", "prometheus_client"]
    return table("Cost of a scrape", heads, rows)


def _times(moving: Moving, kept: Exposition, generate: Any, repeats: int, *, openmetrics: bool) -> dict[str, float]:
    cases: dict[str, Case] = {
        "moved": moving.move,  # outside of what is measured
        "kept": lambda: sum(map(len, kept.render(moving.points, openmetrics=openmetrics))),
        "first": lambda: sum(map(len, Exposition().render(moving.points, openmetrics=openmetrics))),
        "client": lambda: len(generate(moving.registry)),
    }
    return interleaved(cases, repeats)


def numbers() -> Moving:
    registry = prometheus_client.CollectorRegistry()
    points = []
    for number in range(100):
        is_counter = number % 4 != 0
        metric = (
            Metric(f"shop.items.sold.{number}", "sum", "{item}", "Items sold.", "cumulative", is_monotonic=True)
            if is_counter
            else Metric(f"shop.stock.{number}", "gauge", "By", "Stock.")
        )
        kind = prometheus_client.Counter if is_counter else prometheus_client.Gauge
        theirs = kind(
            f"shop_{number}", "Items.", ["service_name", "scope", "version", "route", "shelf"], registry=registry
        )
        for shelf in range(100):
            labels = {"http.route": ROUTES[shelf % 4], "shelf": str(shelf)}
            value = {"as_int": shelf} if is_counter else {"as_double": shelf * 1.1}
            points.append(_point(metric, labels, value))
            child = theirs.labels("shop", SCOPE.name, SCOPE.version, ROUTES[shelf % 4], str(shelf))
            child.inc(shelf * 1.1)
    return Moving(points, registry)


def histograms(exemplars: int = 0) -> Moving:
    registry = prometheus_client.CollectorRegistry()
    labels = ["service_name", "scope", "version", "route", "method", "customer"]
    theirs = prometheus_client.Histogram("work_seconds", "Work.", labels, buckets=BOUNDS, registry=registry)
    metric = Metric("work.duration", "histogram", "s", "Work.", "cumulative")
    chance = random.Random(1)
    points = []
    for customer in range(1000):
        attributes = {"http.route": ROUTES[customer % 4], "http.request.method": "GET", "customer": str(customer)}
        counts = [chance.randrange(100) for _ in range(len(BOUNDS) + 1)]
        value = {"bucket_counts": counts, "explicit_bounds": BOUNDS, "sum": 123.456}
        points.append(_point(metric, attributes, value, [_exemplar(chance) for _ in range(exemplars)]))
        theirs.labels("shop", SCOPE.name, SCOPE.version, ROUTES[customer % 4], "GET", str(customer)).observe(0.3)
    return Moving(points, registry)


def _point(metric: Metric, attributes: dict[str, str], value: dict[str, Any], exemplars: Sequence[Any] = ()) -> Point:
    return Point(metric, 2, 1, SHOP, SCOPE, value, attributes, exemplars)


def _exemplar(chance: random.Random) -> dict[str, Any]:
    ids = {"trace_id": f"{chance.getrandbits(128):032x}", "span_id": f"{chance.getrandbits(64):016x}"}
    return {**ids, "as_double": chance.random() * 8, "time_unix_nano": 1_760_000_000 * 10**9, "filtered_attributes": {}}


def _moved(value: Any, chance: random.Random) -> dict[str, Any]:
    if "bucket_counts" in value:
        counts = [count + chance.randrange(3) for count in value["bucket_counts"]]
        return {**value, "bucket_counts": counts, "sum": value["sum"] + chance.random(), "explicit_bounds": BOUNDS[:]}
    return {name: number + chance.randrange(1000) for name, number in value.items()}
