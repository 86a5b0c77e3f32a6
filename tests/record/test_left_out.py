"""What asks for telemetry is not telemetry: its spans and log records are left out."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tidegate import otel
from tidegate.record.processors import StoreSpanProcessor


class Taken:
    """In place of a recorder: what is put."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def put(self, signal: str, taken: tuple[Any, ...], urgent: bool = False) -> None:
        self.names.append(taken[1])

    def flush(self, timeout: float = 0) -> bool:
        return True


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def sent() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(taken: Taken, sent: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(sent))
    provider.add_span_processor(StoreSpanProcessor(taken))  # type: ignore[arg-type]
    return provider


@pytest.fixture(autouse=True)
def requests(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("GET /telemetry"), otel.left_out():
        tracer.start_span("http send").end()
    with tracer.start_as_current_span("GET /items"):
        tracer.start_span("http send of an item").end()


def test_the_span_around_and_those_below_are_not_recorded(taken: Taken) -> None:
    assert taken.names == ["http send of an item", "GET /items"]


def test_the_span_around_and_those_below_are_not_sent(sent: InMemorySpanExporter) -> None:
    assert [span.name for span in sent.get_finished_spans()] == ["http send of an item", "GET /items"]


def test_it_takes_no_span_at_all() -> None:
    with otel.left_out():
        assert otel.is_suppressed()
    assert not otel.is_suppressed()
