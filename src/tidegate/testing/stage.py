"""What all captures of the process share while there are some: providers, sampling, the capture of logging."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tidegate.api.attributes.processors import ContextLogRecordProcessor, ContextSpanProcessor
from tidegate.otel import attached, put_first
from tidegate.otel.globals import TakenOver, as_new, enabled
from tidegate.record import capture as log_capture
from tidegate.settings import variables
from tidegate.testing.deterministic import SharedIds
from tidegate.testing.sampling import CapturingSampler
from tidegate.testing.taps import Taps

_logger = logging.getLogger("tidegate")

_REPLACED = (
    "%s.%s gets nothing while telemetry is captured: it has no provider of the SDK to listen to. If it hands on to "
    "one, name that: capture(providers=[…])."
)

_lock = threading.RLock()
_stage: Stage | None = None


@contextmanager
def on_stage(taps: Taps, providers: Sequence[Any]) -> Iterator[None]:
    """Let ``taps`` listen to the global providers, and to these."""
    global _stage
    try:
        with _lock:
            _stage = _stage or Stage(providers)
            _stage.enter(taps, providers)
        yield
    finally:
        with _lock:
            stage = _stage
            if stage is not None:
                _stage = stage if stage.is_shared else None
                stage.leave(taps)


class Stage:
    """From the first capture to the last: what is put into providers once, however many captures there are."""

    def __init__(self, known: Sequence[Any]) -> None:
        CapturingSampler.at_work = True
        self._captures: list[Taps] = []
        self._prepared: list[TracerProvider] = []
        self._spare = _Spare()
        self._taken = TakenOver(self._spare.take, self._told, known)
        for each in self._taken.replaced:
            _logger.warning(_REPLACED, type(each).__module__, type(each).__qualname__)
        self._providers = list(self._taken.providers)
        self._own: LoggerProvider | None = None
        at_work: Any = log_capture.provider()
        if at_work is None:
            self._own = self._spare.take(LoggerProvider)
            log_capture.install(self._own)
        else:
            self._providers.append(at_work)

    def enter(self, taps: Taps, providers: Sequence[Any]) -> None:
        self._captures.append(taps)
        for each in (*self._providers, *providers):
            self._prepare(each, CapturingSampler)
            taps.attach(each)
        if self._own is not None:
            taps.attach_own(self._own)

    def _prepare(self, provider: Any, sampler: Any) -> None:
        """Let a provider record what it would not send, and have ids that can be determined."""
        if isinstance(provider, TracerProvider) and not any(provider is each for each in self._prepared):
            self._prepared.append(provider)
            attached.replace_in_tracers(provider, "id_generator", SharedIds)
            if sampler is not None:
                attached.replace_in_tracers(provider, "sampler", sampler)

    def _told(self, provider: Any) -> None:
        """Somebody has set a provider of their own, whose sampler they may not have looked at yet."""
        with _lock:
            self._providers.append(provider)
            self._prepare(provider, None)
            for each in self._captures:
                each.attach(provider)

    @property
    def is_shared(self) -> bool:
        """Whether there are several captures."""
        return len(self._captures) > 1

    def leave(self, taps: Taps) -> None:
        self._captures.remove(taps)
        try:
            taps.detach()
        finally:
            if not self._captures:
                self._end()

    def _end(self) -> None:
        CapturingSampler.at_work = False
        for provider in self._prepared:
            attached.replace_in_tracers(provider, "id_generator", SharedIds.without)
            attached.replace_in_tracers(provider, "sampler", CapturingSampler.without)
        if self._own is not None and log_capture.provider() is self._own:
            log_capture.uninstall()
        self._taken.give_back()
        self._spare.give_back()


#: Providers of our own, to be used again as long as the environment is the same.
_spare: list[Any] = []
_variables: Mapping[str, str] = {}


#: What adds the attributes of here and now, as configuring would; it is forgotten with all processors.
_CONTEXT: Mapping[Any, Any] = {TracerProvider: ContextSpanProcessor, LoggerProvider: ContextLogRecordProcessor}


class _Spare:
    """Hands out providers of our own, made as the environment says."""

    def __init__(self) -> None:
        global _variables
        self._taken: list[Any] = []
        if (now := variables("OTEL_")) != _variables:
            _variables = now
            _spare.clear()

    def take(self, kind: Any) -> Any:
        found = next((each for each in _spare if type(each) is kind), None)
        if found is None:
            found = enabled(kind(resource=Resource.create(), shutdown_on_exit=False))
        else:
            _spare.remove(found)
        self._taken.append(found)
        if kind in _CONTEXT:
            put_first(found, _CONTEXT[kind]())
        return found

    def give_back(self) -> None:
        _spare.extend(each for each in self._taken if as_new(each))
