"""Where records come in: a sampler that lets every span be recorded, and two processors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from tidegate.otel import LeftOut, extended, is_left_out
from tidegate.record import logs, spans
from tidegate.record.recorder import Recorder
from tidegate.records import SEVERITIES, STATUS_CODES

_ERROR, _ERROR_SEVERITY = STATUS_CODES.index("ERROR"), SEVERITIES["ERROR"]


class RecordingSampler(Sampler):
    """Records the spans that another sampler drops, without sending them (RECORD_ONLY).

    The decision on sending, the attributes and the trace state stay what ``sampler`` says.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self._is_fresh = getattr(sampler, "results_are_fresh", False)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        result = self.sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP:
            return result
        if self._is_fresh:
            result.decision = Decision.RECORD_ONLY
            return result
        # the SDK gives the span these attributes and not the caller's, and samplers that drop return none
        merged = {**(attributes or {}), **(result.attributes or {})}
        return SamplingResult(Decision.RECORD_ONLY, merged, result.trace_state)

    def get_description(self) -> str:
        return f"RecordingSampler{{{self.sampler.get_description()}}}"


class StoreSpanProcessor(SpanProcessor):
    """Records every span that ends."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        pass

    def on_end(self, span: ReadableSpan) -> None:
        if LeftOut.used and is_left_out(span):
            return
        try:
            # here and not when it is written: what is needed lies in the caches now, and the SDK's objects can go
            taken = spans.taken(span)
        except Exception:  # the writer fails again, but counts it and says why
            self._recorder.put("spans", span)
        else:
            self._recorder.put("spans", taken, taken[spans.STATUS] == _ERROR)

    def shutdown(self) -> None:
        self._recorder.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._recorder.flush(timeout_millis / 1000)


class StoreLogRecordProcessor(LogRecordProcessor):
    """Records every log record that is emitted, with ``more`` attributes if that gives some."""

    def __init__(self, recorder: Recorder, more: Callable[[Any], Mapping[str, Any]] | None = None) -> None:
        self._recorder, self._more = recorder, more

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        try:
            if self._more is not None:
                log_record = extended(log_record, self._more(log_record.log_record))
            taken = logs.taken(log_record)
        except Exception:  # as above
            self._recorder.put("logs", log_record)
        else:
            self._recorder.put("logs", taken, taken[logs.SEVERITY] >= _ERROR_SEVERITY)

    def shutdown(self) -> None:
        self._recorder.flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._recorder.flush(timeout_millis / 1000)
