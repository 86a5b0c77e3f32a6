"""The gates of this process: a sampler for traces, the log gate in front of the exporters, one policy for both."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.sdk.trace import TracerProvider

from tidegate import otel
from tidegate.gate.policy import Policy, TracePolicy
from tidegate.settings import BY_NAME, Settings

if TYPE_CHECKING:
    from tidegate.gate.policies.watcher import Watcher
    from tidegate.gate.processor import PatternLogRecordProcessor
    from tidegate.gate.sampler import AdaptiveSampler

_logger = logging.getLogger("tidegate")


class Gates:
    """What decides in this process on what is sent; parts that nothing needs are not loaded."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConfigurationError` when the policy cannot be used, before there is anything that sends."""
        self._settings = settings
        self._watcher: Watcher | None = None
        self.logs: PatternLogRecordProcessor | None = None
        if settings.policy and settings.send == "gated":
            self._watcher = _watch(settings)
            self._watcher.start()
        elif settings.policy:
            _logger.warning("the policy %s has no effect: everything is sent, by %s.", settings.policy, _SEND)

    @property
    def problem(self) -> str:
        """Why the policy cannot be had, or was refused; empty while all is well."""
        return self._watcher.problem if self._watcher is not None else ""

    @property
    def policy(self) -> str:
        """Where the policy comes from; empty without one."""
        return self._watcher.source.location if self._watcher is not None else ""

    @property
    def early(self) -> Callable[[logging.LogRecord], bool] | None:
        """What says False to a stdlib record that is not sent, before it costs anything; None when all are."""
        return self.logs.filter.filter if self.logs is not None else None

    @property
    def watcher(self) -> Watcher | None:
        """What keeps the policy up to date, if there is one."""
        return self._watcher

    def attach(self) -> None:
        """Put the gates into the global providers, in front of whatever sends."""
        if self._settings.send == "gated":
            otel.put_before_exporters(get_logger_provider(), self.before)
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            self._attach_sampler(provider)

    def before(self, processors: list[Any]) -> Any:
        """The log gate in front of these processors."""
        from tidegate.gate.processor import PatternLogRecordProcessor

        logger_provider: Any = get_logger_provider()
        options = _log_options(self._settings, self._watcher)
        self.logs = PatternLogRecordProcessor(processors, resource=logger_provider.resource.attributes, **options)
        provider = trace.get_tracer_provider()
        brings_context = self._settings.log_context != "off"
        if brings_context and isinstance(provider, TracerProvider):
            provider.add_span_processor(self.logs.span_processor())
        return self.logs

    def _attach_sampler(self, provider: TracerProvider) -> None:
        """The policy's part on traces goes to our sampler, which is put in where none is named."""
        sampler, watcher = otel.root_sampler(provider.sampler), self._watcher
        if is_adaptive(sampler):
            _introduce(sampler, provider)
            if watcher is not None:
                watcher.subscribe(sampler.apply)
        elif watcher is not None and self._settings.sampler:
            watcher.subscribe(self._say_what_governs)
        elif watcher is not None:
            from tidegate.gate.sampler import AdaptiveSampler

            # until there is a policy its budget holds: a policy that is refused must not mean "send everything"
            sampler = AdaptiveSampler(parent_based=True)
            _introduce(sampler, provider)
            otel.set_sampler(provider, sampler)
            watcher.subscribe(partial(_steer, sampler))

    def _say_what_governs(self, policy: Any) -> None:
        if policy.traces is not None:
            _logger.warning(
                "the policy's part on traces has no effect: OTEL_TRACES_SAMPLER is %r, which governs sending."
                " Name parentbased_tidegate, or none, to let the policy decide.",
                self._settings.sampler,
            )


#: Traces per second that no process reaches.
_UNLIMITED = 1e9

_SEND = BY_NAME["send"].env


def _steer(sampler: AdaptiveSampler, policy: Policy) -> None:
    """Without a word on traces, they are sent as they would be without the policy: all."""
    sampler.apply(policy if policy.traces is not None else Policy(TracePolicy(_UNLIMITED)))


def is_adaptive(sampler: Any) -> bool:
    """Whether a sampler is an `AdaptiveSampler`, which then has been loaded already."""
    module = sys.modules.get("tidegate.gate.sampler")
    return module is not None and isinstance(sampler, module.AdaptiveSampler)


def _introduce(sampler: AdaptiveSampler, provider: TracerProvider) -> None:
    """Tell the sampler whose process it is, and count what it decides."""
    sampler.identify(provider.resource.attributes)

    def decisions() -> list[tuple[int, Mapping[str, str]]]:
        return [(count, {"tidegate.decision": reason}) for reason, count in sampler.counts().items() if count]

    description = "Decisions of the sampler, by reason."
    otel.observable_counter(get_meter_provider(), "tidegate.sampler.decisions", description, decisions, "{span}")


def _watch(settings: Settings) -> Watcher:
    from tidegate.gate.policies.sources import source
    from tidegate.gate.policies.watcher import Watcher

    refresh = settings.policy_refresh_interval if settings.sources["policy_refresh_interval"] != "default" else None
    service = settings.service_name or settings.resource_attributes.get("service.name", "")
    return Watcher(source(settings.policy, token=settings.policy_token, refresh=refresh, service=service))


def _log_options(settings: Settings, watcher: Watcher | None) -> dict[str, Any]:
    return {
        "policy": watcher,
        "budget": settings.log_budget,
        "min_rate": settings.log_min_rate,
        "context": settings.log_context != "off",
        "task_context": settings.log_context == "task",
        "keep_status_codes": settings.keep_status_codes,
        "fallback_sample_rate": settings.fallback_sample_rate,
        "max_pattern_cache_size": settings.max_pattern_cache_size,
        "pattern_report_interval": settings.pattern_report_interval,
    }
