"""Traces that start, for tests of samplers: a real provider, remote parents, a clock that is turned by hand."""

from __future__ import annotations

import random
from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tidegate.gate.threshold import adjusted_count
from tidegate.gate.traces.tracestate import parse


class Clock:
    """Seconds, turned by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class SeededIds(IdGenerator):
    """Random ids, the same in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True


class Service:
    """A process with a provider of its own, whose finished spans are at hand."""

    def __init__(self, sampler: Sampler, seed: int = 1) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(
            sampler=sampler, id_generator=SeededIds(seed), resource=Resource.get_empty(), shutdown_on_exit=False
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("tests")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


def headers(trace_id: int, *, sampled: bool = True, state: str = "") -> dict[str, str]:
    """What a remote parent sends."""
    carrier = {"traceparent": f"00-{trace_id:032x}-00000000000000a1-{sampled:02x}"}
    return {**carrier, "tracestate": state} if state else carrier


def remote(trace_id: int, *, sampled: bool = True, state: str = "") -> Context:
    """The context that W3C's propagator makes of a remote parent."""
    return TraceContextTextMapPropagator().extract(headers(trace_id, sampled=sampled, state=state))


def start(service: Service, context: Context | None = None, name: str = "GET /", **options: object) -> SpanContext:
    """A span from start to end; returns its context."""
    span = service.tracer.start_span(name, context=context, **options)  # type: ignore[arg-type]
    span.end()
    return span.get_span_context()


def is_sampled(context: SpanContext) -> bool:
    return bool(context.trace_flags & TraceFlags.SAMPLED)


def estimate(spans: Iterable[ReadableSpan]) -> float:
    """How many spans there were, by the thresholds of those that were kept."""
    thresholds = (parse(span.context.trace_state.get("ot", "")).threshold for span in spans if span.context)
    return sum(adjusted_count(threshold) if threshold is not None else 1 for threshold in thresholds)
