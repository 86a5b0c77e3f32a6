"""The gate for traces: `AdaptiveSampler`, an OpenTelemetry Sampler that keeps so many traces a second.

Where a trace starts, the first rule that matches decides, and what no rule decides is shared among
keys by a budget. Either way the decision is a threshold on the trace's randomness. It goes on as
``ot=th`` in the tracestate, so that every kept span says how many it stands for, and services agree
on what to keep: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import INVALID_SPAN, Link, SpanContext, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from tidegate import otel
from tidegate.errors import ConfigurationError
from tidegate.gate.policy import Policy
from tidegate.gate.threshold import MAX, randomness
from tidegate.gate.traces.gate import TraceGate
from tidegate.gate.traces.rules import DROP_HEALTH_CHECKS, Rule
from tidegate.gate.traces.tracestate import KEY, MAX_MEMBERS, NOTHING, Ot, parse, with_threshold
from tidegate.settings import environment, load

if TYPE_CHECKING:
    from tidegate.gate.page import ControlPage

__all__ = ["DROP_HEALTH_CHECKS", "AdaptiveSampler", "adaptive", "parentbased_adaptive"]

_logger = logging.getLogger("tidegate")

#: Traces per second when nothing is said.
DEFAULT = 100.0

#: Tracestates and parsed ``ot`` values that are remembered, each; then they start over.
REMEMBERED = 1024

_KEEP, _DROP = Decision.RECORD_AND_SAMPLE, Decision.DROP

#: `randomness` as a mask, where a call would cost.
_RANDOM = MAX - 1


class AdaptiveSampler(Sampler):
    """Keeps ``traces_per_second`` of the traces that start here, shared among span names and routes.

    ``rules`` come before the budget, and the first that matches decides: `TraceRule`, dicts as in a
    policy document (``{"match": {"route": "/pay/*"}, "keep": True}``), or `DROP_HEALTH_CHECKS`. What a
    rule without a budget of its own keeps counts against the common budget, but is never refused by it.

    Spans with a local parent follow it, since budgets are of traces, and so do spans whose remote parent
    is not sampled. Of what a remote parent keeps, rules and budget keep a part: they raise its ``th`` and
    never lower it. A trace that comes in several times, or back, is judged by a budget and paid from it once
    (the last 2,000 to 4,000 traces are remembered, for up to a minute). With ``parent_based`` a remote parent
    is followed whatever it says. A parent sampled without ``th``, or with one that contradicts it, is of
    unknown probability, and so is what follows: no ``th`` is written then, as OpenTelemetry asks.

    ``service`` and ``resource`` (attributes) are what rules may ask about the process. ``max_keys`` are
    told apart, others share one. Threads and forks are safe; a fork's child has budgets of its own, unless
    a control page makes them one for all (`steer`). Raises ValueError when an argument is wrong, and never
    from `should_sample`.

        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> sampler = AdaptiveSampler(50, rules=[{"match": {"name": "GET /healthz"}, "drop": True}])
        >>> tracer = TracerProvider(sampler=sampler).get_tracer("shop")
        >>> tracer.start_span("GET /healthz").is_recording(), tracer.start_span("GET /orders").is_recording()
        (False, True)
    """

    #: Each result is a new one and has the caller's attributes, so that who wraps this sampler may change it.
    results_are_fresh = True

    def __init__(
        self,
        traces_per_second: float = DEFAULT,
        rules: Iterable[Rule] = (),
        *,
        service: str = "",
        resource: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        policy: Policy | None = None,
        parent_based: bool = False,
        max_keys: int = 1000,
    ) -> None:
        self._gate = TraceGate(
            traces_per_second,
            rules,
            clock=clock,
            policy=policy,
            service=service,
            resource=resource,
            max_keys=max_keys,
        )
        self._parent_based = parent_based
        #: A mask: with a parent that is always followed, nothing need be remembered of traces that start here.
        self._may_return = 0 if parent_based else -1
        self._has_complained = False

    @property
    def traces_per_second(self) -> float:
        """The budget in force; can be set while running. 0 keeps nothing but what rules keep."""
        return self._gate.rate

    @traces_per_second.setter
    def traces_per_second(self, value: float) -> None:
        self._gate.rate = value

    def apply(self, policy: Policy) -> None:
        """Let a policy's rules come before those of this sampler, and its budget replace it, at once.

        What the policy does not say is as this sampler was made. Raises ValueError, and changes
        nothing, when a rule cannot be used.
        """
        self._gate.apply(policy)

    def steer(
        self,
        page: ControlPage | None,
        *,
        on_revision: Callable[[], object] | None = None,
        in_thread: bool = True,
        background: Callable[[Callable[[], object]], Any] | None = None,
    ) -> None:
        """Share the budgets with all processes that are steered by the same control page; None ends it.

        From then on this process keeps its share by what arrives at each: of what the gate says is available, or while
        there is no gate, of the budget. ``traces_per_second`` stays what all may keep together, a rule's budget is
        shared as well, and a key is a first sight only where none of them saw it.

        The page is looked at about ten times a second while traces start, in a thread of its own, or within a decision
        (``in_thread=False``: for whoever turns the clock by hand). ``on_revision`` is called when the gate speaks of
        another revision of the policy than before, so that it can be fetched at once. ``background`` makes something
        else than `tidegate.gate.steering.Background`.
        """
        self._gate.steer(page, on_revision=on_revision, in_thread=in_thread, background=background)

    def steering(self) -> dict[str, float]:
        """With a page: ``workers`` that share the budgets, ``share`` of the common one (traces/s), looks that were
        ``crowded`` (no slot was free) and that ``failed``. Empty without one."""
        steering = self._gate.steering
        return {} if steering is None else {"share": self._gate.share, **steering.state()}

    def identify(self, resource: Mapping[str, Any]) -> None:
        """Tell rules whose process this is: the attributes of its resource, ``service.name`` among them.

        For whoever makes the sampler before there is a resource, as a declarative file does.
        """
        self._gate.identify(resource)

    def counts(self) -> dict[str, int]:
        """Decisions on spans in this process, by reason (`tidegate.gate.traces.gate.REASONS`)."""
        return dict(self._gate.counts)

    def get_description(self) -> str:
        own = f"AdaptiveSampler{{traces_per_second={self.traces_per_second:g},rules={self._gate.rules}}}"
        return f"ParentBased{{root:{own}}}" if self._parent_based else own

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
        try:
            # the SDK passes no trace_state (opentelemetry-python #5578); a parent's is the one that counts
            span = get_current_span(parent_context)
            parent = None if span is INVALID_SPAN else span.get_span_context()
            if parent is None or not parent.is_valid:
                return self._start(trace_id, name, kind, attributes, trace_state)
            if not parent.trace_flags & 1:
                self._gate.counts["dropped_by_parent"] += 1
                return SamplingResult(_DROP, attributes, _without_threshold(parent.trace_state))
            if parent.is_remote and not self._parent_based:
                return self._thin(trace_id, name, kind, attributes, parent)
            return self._follow(trace_id, attributes, parent.trace_state)
        except Exception as error:  # a sampler that raises breaks the request that it was to look at
            return self._guess(error, parent_context, trace_id, attributes)

    def _start(
        self, trace_id: int, name: str, kind: SpanKind | None, attributes: Attributes, state: TraceState | None
    ) -> SamplingResult:
        """A trace begins. A state may bring randomness of its own."""
        if not state:
            threshold = self._gate.judge(
                trace_id & _RANDOM, 0, name, kind, attributes, start=trace_id & self._may_return
            )
            if threshold is None:
                return SamplingResult(_DROP, attributes)
            return SamplingResult(_KEEP, attributes, _fresh_states.get(threshold) or _fresh(threshold))
        ot = _parsed(state)
        threshold = self._gate.judge(
            _random(ot, trace_id), 0, name, kind, attributes, start=trace_id & self._may_return
        )
        if threshold is None:
            return SamplingResult(_DROP, attributes, _without_threshold(state))
        return SamplingResult(_KEEP, attributes, _with(state, with_threshold(threshold, ot.rest) or ot.rest))

    def _thin(
        self, trace_id: int, name: str, kind: SpanKind | None, attributes: Attributes, parent: SpanContext
    ) -> SamplingResult:
        """Keep a part of what a remote parent kept."""
        state = parent.trace_state
        ot = _parsed(state)
        random = _random(ot, trace_id)
        known = ot.threshold if ot.threshold is not None and random >= ot.threshold else None
        threshold = self._gate.judge(random, known or 0, name, kind, attributes, entry=trace_id)
        if threshold is None:
            return SamplingResult(_DROP, attributes, _without_threshold(state))
        if known is None:
            return SamplingResult(_KEEP, attributes, _with(state, ot.rest))
        return SamplingResult(_KEEP, attributes, _with(state, with_threshold(threshold, ot.rest) or ot.rest))

    def _follow(self, trace_id: int, attributes: Attributes, state: TraceState) -> SamplingResult:
        """A span of a trace that is kept. What its threshold says must be true."""
        self._gate.counts["kept_by_parent"] += 1
        ot = _parsed(state)
        if ot.threshold is None or _random(ot, trace_id) < ot.threshold:
            state = _with(state, ot.rest)
        return SamplingResult(_KEEP, attributes, state)

    def _guess(
        self, error: Exception, parent_context: Context | None, trace_id: int, attributes: Attributes
    ) -> SamplingResult:
        """Something unexpected: plain ratio, of which nothing is said, but that it happened."""
        self._gate.counts["failed"] += 1
        decision, state = _DROP, None
        try:
            self._complain(error)
            if randomness(trace_id) >= self._gate.last:
                decision = _KEEP
            state = _without_threshold(get_current_span(parent_context).get_span_context().trace_state)
            return SamplingResult(decision, attributes, state)
        except Exception:  # attributes that are no mapping, a trace id that is no number
            return SamplingResult(decision, None, state)

    def _complain(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            _logger.warning(
                "the sampler failed to judge a trace, and goes by the trace's randomness where it does (this is said"
                " once): %s: %.200s",
                type(error).__name__,
                error,
            )


_parsed_values: dict[str, Ot] = {}
_fresh_states: dict[int, TraceState] = {}


def _parsed(state: TraceState) -> Ot:
    """What the ``ot`` member says; the same for all spans of a trace."""
    value = state.get(KEY) if state else None
    if value is None:
        return NOTHING
    ot = _parsed_values.get(value)
    if ot is None:
        if len(_parsed_values) >= REMEMBERED:
            _parsed_values.clear()
        ot = _parsed_values[value] = parse(value)
    return ot


def _random(ot: Ot, trace_id: int) -> int:
    return randomness(trace_id) if ot.randomness is None else ot.randomness


def _fresh(threshold: int) -> TraceState:
    """A tracestate that says nothing but ``th``."""
    if len(_fresh_states) >= REMEMBERED:
        _fresh_states.clear()
    state = _fresh_states[threshold] = TraceState([(KEY, with_threshold(threshold, "") or "")])
    return state


def _without_threshold(state: TraceState | None) -> TraceState | None:
    return _with(state, _parsed(state).rest) if state else state


def _with(state: TraceState, value: str) -> TraceState:
    """``state`` with this ``ot``, first as W3C asks, or with none; it is immutable.

    A member too many is the last one, by W3C Trace Context as well.
    """
    if state.get(KEY, "") == value:
        return state
    others = [(key, other) for key, other in state.items() if key != KEY]
    return TraceState([(KEY, value), *others][:MAX_MEMBERS] if value else others)


class _Factory:
    """An entry point, for ``OTEL_TRACES_SAMPLER`` (with its argument) and for a declarative file (without).

    The budget is the argument's or the file's (``sampler: {tidegate: {traces_per_second: 50}}``), else
    that of ``OTEL_TRACES_SAMPLER_ARG``, else `DEFAULT`. A wrong one is an error in the log, and the
    default is taken: the SDK would send everything.
    """

    def __init__(self, name: str, *, parent_based: bool) -> None:
        self._name = name
        self._parent_based = parent_based

    def __call__(self, argument: str | None = None) -> AdaptiveSampler:
        try:
            return self.strict(argument)
        except ConfigurationError as error:
            _logger.error(
                "%s Until this is corrected, the sampler %s keeps %g traces per second.", error, self._name, DEFAULT
            )
            return AdaptiveSampler(parent_based=self._parent_based, **_about_process())

    def strict(self, argument: str | None = None) -> AdaptiveSampler:
        """The same, but raises `ConfigurationError` when something is wrong."""
        path = "" if argument else environment("OTEL_CONFIG_FILE")
        said = self._from_file(path) if path else {}
        options = {"traces_per_second": _number(argument or environment("OTEL_TRACES_SAMPLER_ARG")), **said}
        try:
            return AdaptiveSampler(parent_based=self._parent_based, **_about_process(), **options)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: sampler.{self._name}: {error}" if said else str(error)) from None

    def _from_file(self, path: str) -> dict[str, Any]:
        """What a declarative file says of this sampler, which the SDK throws away."""
        try:
            options: Any = otel.sampler_settings(otel.load_config_file(path), self._name)
        except Exception:  # whoever uses the file for more than this says what is wrong with it
            return {}
        known = ("traces_per_second", "rules")
        unknown = [name for name in options if name not in known] if isinstance(options, Mapping) else [options]
        if unknown:
            raise ConfigurationError(
                f"{path}: sampler.{self._name} has {unknown[0]!r}; it may have {' and '.join(known)}."
            )
        return dict(options)


adaptive = _Factory("tidegate", parent_based=False)
parentbased_adaptive = _Factory("parentbased_tidegate", parent_based=True)


def _number(text: str) -> float:
    try:
        return float(text.strip() or DEFAULT)
    except ValueError:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER_ARG is {text!r}; it must be a number of traces per second, such as {DEFAULT:g}."
        ) from None


def _about_process() -> dict[str, Any]:
    """What rules may ask about this process."""
    try:
        settings = load()
    except ConfigurationError:  # said by whoever configures; another distribution does not want to know
        return {}
    resource = settings.resource_attributes
    return {"service": settings.service_name or resource.get("service.name", ""), "resource": resource}
