"""The leader's log gate publishes what it counts as the gate in front of an exporter does."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from log_tailing import evenly, judge
from tidegate.gate.tail.logs import LogTail
from tidegate.ship.log_events import publisher


def test_counts_of_patterns_are_metrics_of_the_process_that_leads() -> None:
    reader = InMemoryMetricReader()
    provider, tail = MeterProvider([reader], shutdown_on_exit=False), LogTail(seed=1)
    published = publisher(tail, 0, provider)
    kept = judge(tail, evenly(0, 30, 100))
    data: Any = reader.get_metrics_data()
    published.close()
    provider.shutdown()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    found = {
        metric.name: [(point.value, dict(point.attributes)) for point in metric.data.data_points] for metric in metrics
    }
    [pattern] = tail.miner.patterns()
    attributes = {"tidegate.pattern.id": pattern.id, "log.record.template": "order <*> shipped", "severity": "INFO"}
    assert found["tidegate.log.pattern.seen"] == [(3000, attributes)]
    assert found["tidegate.log.pattern.kept"] == [(len(kept["aa"]), attributes)]


def test_what_was_held_back_is_reported_as_an_event(monkeypatch: Any) -> None:
    from tidegate import otel

    said: list[Any] = []
    monkeypatch.setattr(otel, "emit_event", said.append)
    tail = LogTail(seed=1)
    published = publisher(tail, 0, MeterProvider(shutdown_on_exit=False))
    judge(tail, evenly(0, 30, 100))
    published.close()
    [report] = said
    assert report.event_name == "tidegate.log.pattern.report"
    assert report.attributes["tidegate.log.seen"] == 3000
