"""Records that are to be sent, as the store's readers hand them out, and exporters to send them with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from making import log, span
from sdk_objects import rows_of
from tidegate.ship.destinations import Destination, destination, kind_of
from tidegate.ship.outcome import SENT, Outcome
from tidegate.ship.wire import Picked


def logs(bodies: Iterable[Any]) -> list[Picked]:
    """Log records with these bodies, in blocks as they are committed."""
    made = rows_of("logs", [log(body, at) for at, body in enumerate(bodies)])
    return [Picked(rows, range(rows.count)) for rows in made]


def spans(names: Iterable[str]) -> list[Picked]:
    made = rows_of("spans", [span(name, at, id=at + 1) for at, name in enumerate(names)])
    return [Picked(rows, range(rows.count)) for rows in made]


def metrics(count: int) -> list[Picked]:
    """As many counters, with a point each."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], Resource({})).get_meter("made")
    for number in range(count):
        meter.create_counter(f"counter.{number}").add(number)
    made = rows_of("metrics", reader.get_metrics_data())
    return [Picked(rows, range(rows.count)) for rows in made]


def numbered(count: int) -> list[Picked]:
    """As many log records, with their numbers as bodies."""
    return logs(f"number {number}" for number in range(count))


def bodies(picked: Sequence[Picked]) -> list[Any]:
    return [each.rows.record(row).body for each in picked for row in each.picked]  # type: ignore[union-attr]


def otlp(endpoint: str, signal: str = "logs", **options: Any) -> Destination:
    """The destination that the standard exporter over HTTP is, for an `OtlpReceiver`."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kinds: dict[str, tuple[Any, str]] = {
        "spans": (OTLPSpanExporter, "traces"),
        "logs": (OTLPLogExporter, "logs"),
        "metrics": (OTLPMetricExporter, "metrics"),
    }
    kind, path = kinds[signal]
    exporter = kind(endpoint=f"{endpoint}/v1/{path}", **options)
    return destination(f"{signal}-{kind_of(exporter)}", signal, exporter)


class Scripted(Destination):
    """A destination that answers what ``answer`` says of the log bodies in a request; ``requests`` holds those."""

    def __init__(self, answer: Callable[[list[Any]], Outcome] | None = None) -> None:
        super().__init__("logs-scripted", "logs", None)
        self._answer = answer or (lambda bodies: Outcome(SENT, len(bodies)))
        self.requests: list[list[Any]] = []
        self.timeouts: list[float] = []

    def answer(self, answer: Callable[[list[Any]], Outcome]) -> None:
        """From now on."""
        self._answer = answer

    def encode(self, picked: Sequence[Picked]) -> Any:
        return bodies(picked)

    def _deliver(self, payload: Any, count: int, timeout: float) -> Outcome:
        self.requests.append(payload)
        self.timeouts.append(timeout)
        return self._answer(payload)

    def close(self) -> None:
        """There is nothing to close."""


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds
