"""The gate for log records, in front of any OpenTelemetry LogRecordProcessor.

    processor = PatternLogRecordProcessor(BatchLogRecordProcessor(OTLPLogExporter()), budget=50)
    logger_provider.add_log_record_processor(processor)
    tracer_provider.add_span_processor(processor.span_processor())    # an error brings its context
    logging_handler.addFilter(processor.filter)                       # drop before a message is formatted

It wraps, since a processor in a chain cannot keep a record from the next one.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, StatusCode, get_current_span

from tidegate import otel
from tidegate.gate.logs.bridge import Bridge, begin, end, handing, is_handing, with_attributes
from tidegate.gate.logs.early import EarlyDrop, Trace
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.logs.marks import COUNT, marks
from tidegate.gate.logs.publishing import Publisher
from tidegate.gate.logs.reading import Carried, for_handler, held, origin
from tidegate.gate.logs.reporting import Row
from tidegate.gate.logs.severities import ERROR, severity_number
from tidegate.gate.logs.sieve import Facts, Passed, Sieve
from tidegate.gate.logs.steering import Steering, log_policy
from tidegate.gate.policy import LogRule, Policy
from tidegate.gate.threshold import randomness
from tidegate.gate.traces import tracestate
from tidegate.patterns import Miner
from tidegate.records import SEVERITIES

if TYPE_CHECKING:
    from tidegate.gate.policies.watcher import Watcher


#: Errors that wait for the end of the record in the midst of which they were emitted.
MAX_LATE = 100


class PatternLogRecordProcessor(LogRecordProcessor):
    """Passes on what the log gate keeps, to ``next``: a LogRecordProcessor, or several.

    Records are judged by their pattern (`tidegate.patterns`). ERROR and above and events are always
    kept; of the rest, ``severity_rates`` (TRACE and DEBUG 5 %, INFO 20 %, WARN 50 %) applies to
    patterns above ``min_rate`` records per second (0: to all), unless ``pattern_rates`` (id, template
    or glob of it), ``logger_rates`` (name or glob) or ``rules`` say otherwise. ``budget`` is in records per
    second, shared fairly among patterns; None for no limit.

    ``policy``: a `Policy`, a file (watched), a URL, or a `Watcher` that others share; what it says
    goes before the arguments. Until a URL has answered, ``fallback_sample_rate`` applies.
    ``policy_token`` is shown to it, every ``policy_refresh_interval`` seconds.

    ``context``: an error brings the other records of its trace, DEBUG included; with ``task_context``
    also the last seconds of a task outside any trace. ``downstream_handler``: a `logging.Handler` that
    is handed each kept record. ``seed`` makes chance repeatable. ``max_pattern_cache_size`` and
    ``keep_status_codes`` are the miner's. Every ``pattern_report_interval`` seconds and at the end
    there is an event ``tidegate.log.pattern.report``; ``tidegate.log.pattern.*`` are metrics of
    ``meter_provider``, by default the global one.

    A kept record is a copy with the attributes ``log.record.template``, ``tidegate.pattern.id`` and
    ``tidegate.adjusted_count`` (how many records it stands for); other processors see the original. Own
    records and those of exporters at work are not judged. Raises `ConfigurationError` when the
    policy cannot be used.

        >>> from opentelemetry._logs import SeverityNumber
        >>> from opentelemetry.sdk._logs import LoggerProvider
        >>> from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
        >>> kept, provider = InMemoryLogRecordExporter(), LoggerProvider()
        >>> provider.add_log_record_processor(
        ...     PatternLogRecordProcessor(SimpleLogRecordProcessor(kept), logger_rates={"noise": 0})
        ... )
        >>> for name in ("noise", "shop"):
        ...     provider.get_logger(name).emit(body="order 7 is late", severity_number=SeverityNumber.INFO)
        >>> [log.instrumentation_scope.name for log in kept.get_finished_logs()]
        ['shop']
    """

    def __init__(
        self,
        next: LogRecordProcessor | Sequence[LogRecordProcessor],  # noqa: A002 — as everybody calls it
        *,
        policy: Policy | Watcher | str | None = None,
        budget: float | None = None,
        min_rate: float = 1.0,
        severity_rates: Mapping[str, float] | None = None,
        pattern_rates: Mapping[str, float] | None = None,
        logger_rates: Mapping[str, float] | None = None,
        global_rate: float = 1.0,
        anomaly_boost: float = 2.0,
        rules: Sequence[LogRule] = (),
        context: bool = True,
        task_context: bool = False,
        seed: int | None = None,
        downstream_handler: logging.Handler | None = None,
        fallback_sample_rate: float = 1.0,
        max_pattern_cache_size: int = 10_000,
        keep_status_codes: bool = False,
        policy_token: str = "",
        policy_refresh_interval: float | None = None,
        pattern_report_interval: float = 600.0,
        meter_provider: Any = None,
        resource: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.next: tuple[LogRecordProcessor, ...] = (next,) if isinstance(next, LogRecordProcessor) else tuple(next)
        base = log_policy(
            budget=budget,
            min_rate=min_rate,
            severity_rates=severity_rates,
            pattern_rates=pattern_rates,
            logger_rates=logger_rates,
            global_rate=global_rate,
            anomaly_boost=anomaly_boost,
            rules=tuple(rules),
        )
        self._sieve: Sieve[Carried] = Sieve(
            LogGate(base, seed=seed, resource=resource, max_patterns=max_pattern_cache_size),
            Miner(max_patterns=max_pattern_cache_size, keep_status_codes=keep_status_codes),
            clock,
            hold=held,
            context=context,
            task_context=task_context,
        )
        self._early = EarlyDrop(self._sieve, otel.current_context, _current_trace, _severity)
        self._bridge = Bridge(downstream_handler, self) if downstream_handler is not None else None
        self._model: ReadWriteLogRecord | None = None
        self._late: deque[ReadWriteLogRecord] = deque()
        self._own = 0
        self._closed = False
        #: Records that were passed on unjudged, or not at all, since something raised.
        self.failures = 0
        #: Echoes of what was handed on, what the pipeline itself said meanwhile, and what came after the end.
        self.left_out = 0
        self._publisher = Publisher(self._sieve, pattern_report_interval, self._publish, meter_provider)
        self._early.tick = self._tick
        self._steering = Steering(
            base, self._sieve.apply, policy, fallback_sample_rate, policy_token, policy_refresh_interval
        )

    @property
    def filter(self) -> logging.Filter:
        """Drops records before their message is formatted; for the handler that leads to this processor.

        Those that an error may still release (in a trace, with ``context``) pass, to be judged later. It may hang
        in several handlers as long as each has the same record: what a QueueHandler copied is judged anew.
        """
        return self._early

    def counts(self) -> list[Row]:
        """Exact counts by pattern and severity, since the start, or the fork of this process."""
        return self._sieve.rows()

    def apply(self, policy: Policy) -> None:
        """Judge by ``policy`` from now on. Raises `ConfigurationError` when it is wrong."""
        self._steering.take(policy)

    def span_processor(self) -> SpanProcessor:
        """For the TracerProvider: spans that end in an error bring the log records of their trace."""
        return _SpanEnds(self._sieve, self._pass_all)

    # -- LogRecordProcessor

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        if self._closed or otel.is_suppressed():
            self.left_out += 1
            return
        if handing.get() is not None and is_handing(self):
            self._put_off(log_record)
            return
        try:
            self._gate(log_record)
        finally:  # a signal handler may raise SystemExit
            if self._late or self._sieve.is_behind:
                self._catch_up()
        self._publisher.tick()
        self._steering.tick()

    def enabled(self, **asked: Any) -> bool:
        return not self._closed and any(each.enabled(**asked) for each in self.next)

    def shutdown(self) -> None:
        """The last report, then the end of all that is behind this. A second call does nothing."""
        if self._closed:
            return
        self._catch_up()
        self._publisher.close()
        self._closed = True
        self._steering.close()
        if self._bridge is not None:
            self._bridge.close()
        for each in self.next:
            each.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        until = time.monotonic() + timeout_millis / 1000
        self._catch_up()
        done = True
        for each in self.next:
            left = max(int((until - time.monotonic()) * 1000), 0)
            done = each.force_flush(left) is not False and done
        return done

    def _tick(self) -> None:
        """After the filter has judged a record, which may be all that is heard of it."""
        if self._sieve.is_behind:
            self._catch_up()
        self._publisher.tick()

    # -- one record

    def _gate(self, record: ReadWriteLogRecord) -> None:
        try:
            passed = self._judge(record)
        except Exception:
            self.failures += 1
            self._pass(record)
            return
        if passed:
            self._pass_all(passed)

    def _put_off(self, record: ReadWriteLogRecord) -> None:
        """What is emitted while a record is handed on is its echo, or the pipeline's own, unless it is an error:
        those may be a signal handler's, and are judged a moment later."""
        log = record.log_record
        is_error = severity_number(log) >= ERROR
        is_echo = COUNT in otel.attribute_dict(log.attributes) or is_handing(self._late)
        if is_error and not is_echo and len(self._late) < MAX_LATE:
            self._late.append(record)
        else:
            self.left_out += 1

    def _catch_up(self) -> None:
        """Judge what was put off. What that causes in turn is not put off again, or it could feed itself."""
        now = begin(self._late, None)
        try:
            while self._late:
                with suppress(IndexError):  # another thread was faster
                    self._gate(self._late.popleft())
            self._pass_all(self._sieve.catch_up())
        finally:
            end(now)

    def _judge(self, record: ReadWriteLogRecord) -> list[Passed[Carried]]:
        log, scope = record.log_record, record.instrumentation_scope
        name = scope.name if scope is not None else ""
        if name == "tidegate" or name.startswith("tidegate."):
            self._own += 1
            self._pass(record)
            return []
        if COUNT in otel.attribute_dict(log.attributes):  # another gate has judged it
            self._pass(record)
            return []
        if self._model is None:
            self._model = record
        found = self._early.take(log.timestamp, name)
        if found is None:
            return self._sieve.sift((record, None), _facts(record, name, None))
        if found.is_again:
            return []
        carried = (record, found.record if self._bridge is not None else None)
        if found.verdict is None or found.pattern is None:
            return self._sieve.sift(carried, _facts(record, name, found.record))
        return [(carried, found.pattern, found.verdict.adjusted_count, found.verdict.reason)]

    def _pass_all(self, passed: Sequence[Passed[Carried]]) -> None:
        for (record, stdlib), pattern, count, reason in passed:
            more = marks(pattern, count, reason)
            kept = otel.extended(record, more)
            self._pass(kept)
            if self._bridge is not None:
                self._bridge.hand(for_handler(kept) if stdlib is None else with_attributes(stdlib, more))

    def _pass(self, record: ReadWriteLogRecord) -> None:
        now = begin(self, record)
        try:
            for each in self.next:
                try:
                    each.on_emit(record)
                except Exception:  # one destination's failure is neither the application's nor the others'
                    self.failures += 1
        finally:
            end(now)

    def _publish(
        self, name: str, severity: str, severity_number: int, body: str, attributes: Mapping[str, Any]
    ) -> None:
        """Emit an event through the global provider, and give it to ``next`` if we are not a part of that one."""
        own, event = self._own, partial(otel.event, name, time.time_ns(), severity, severity_number, body, attributes)
        otel.emit_event(event())
        if own == self._own:
            record = ReadWriteLogRecord(event(), instrumentation_scope=InstrumentationScope("tidegate"))
            if self._model is not None:
                record.resource = self._model.resource
            self._pass(record)


class _SpanEnds(SpanProcessor):
    """Tells the sieve of errors, and of traces that have ended here."""

    def __init__(self, sieve: Sieve[Carried], pass_all: Callable[[Sequence[Passed[Carried]]], None]) -> None:
        self._sieve = sieve
        self._pass_all = pass_all

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if _is_root(span):
            self._sieve.root_begins(span.get_span_context().trace_id)

    def on_end(self, span: ReadableSpan) -> None:
        is_error = span.status.status_code is StatusCode.ERROR
        is_root = _is_root(span)
        if is_error or is_root:
            context = span.get_span_context()
            if context is not None:
                self._pass_all(self._sieve.span_ends(context.trace_id, is_error=is_error, is_root=is_root))


def _is_root(span: ReadableSpan) -> bool:
    """Whether its parent is not in this process."""
    return span.parent is None or span.parent.is_remote


def _facts(record: ReadWriteLogRecord, name: str, stdlib: logging.LogRecord | None) -> Facts:
    log = record.log_record
    attributes = otel.attribute_dict(log.attributes)
    trace_id = log.trace_id or 0
    sampling = _sampling(get_current_span(log.context).get_span_context(), trace_id) if trace_id else _NO_TRACE
    return Facts(
        log.body,
        severity_number(log),
        name,
        origin(log, attributes, stdlib),
        log.event_name or "",
        *sampling,
        log.exception is not None or "exception.type" in attributes,
        lambda field, key: attributes.get(key) if field == "attribute" else getattr(log, field, None),
    )


_NO_TRACE: Trace = (0, None, None)

_parse = lru_cache(maxsize=1024)(tracestate.parse)


def _sampling(context: SpanContext, trace_id: int) -> Trace:
    """The trace's randomness, and the threshold by which it was sampled with a probability below 1."""
    ot = tracestate.NOTHING
    if context.trace_id == trace_id and (value := context.trace_state.get(tracestate.KEY)):
        ot = _parse(value)
    random = ot.randomness if ot.randomness is not None else randomness(trace_id)
    return trace_id, random, (ot.threshold or None) if context.trace_flags.sampled else None


def _current_trace() -> Trace | None:
    """Of the current context; None when what is logged is the pipeline's own."""
    if is_handing():
        return None
    if not otel.current_context():
        return _NO_TRACE
    if otel.is_suppressed():
        return None
    context = get_current_span().get_span_context()
    return _sampling(context, context.trace_id) if context.trace_id else _NO_TRACE


@lru_cache(maxsize=256)
def _severity(level: int) -> int:
    """The severity number of a stdlib level; below DEBUG it is TRACE."""
    number: int = std_to_otel(level).value
    return number or (SEVERITIES["TRACE"] if level > 0 else 0)
