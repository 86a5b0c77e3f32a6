"""What one capture has put into providers, and takes out again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from tidegate.otel import attached
from tidegate.testing.keeping import CapturedLogs, CapturedMetrics, CapturedSpans, Kept, Seen

_logger = logging.getLogger("tidegate")


class Taps:
    """Fills ``kept`` from providers. With ``timed``, log records have the time at which they were emitted."""

    def __init__(self, kept: Kept, *, timed: bool) -> None:
        self._kept, self._timed = kept, timed
        self._seen = Seen()
        self._readers: list[CapturedMetrics] = []
        self._undo: list[Callable[[], None]] = []
        self._providers: list[Any] = []
        self._lock = threading.RLock()

    def collect(self) -> None:
        """Let instruments tell what they have measured so far."""
        with self._lock:
            for reader in self._readers:
                try:
                    reader.collect()
                except Exception as error:  # a callback of the application's that took too long
                    _logger.warning("metrics could not be collected: %s", error)

    def attach(self, provider: Any) -> None:
        """Listen to a provider, once."""
        if any(provider is each for each in self._providers):
            return
        self._providers.append(provider)
        if isinstance(provider, TracerProvider):
            self._attach_processor(provider, provider.add_span_processor, CapturedSpans(self._kept))
        elif isinstance(provider, LoggerProvider):
            processor = CapturedLogs(self._kept, self._seen, timed=self._timed)
            self._attach_processor(provider, provider.add_log_record_processor, processor)
        elif isinstance(provider, MeterProvider):
            self._attach_reader(provider)

    def attach_own(self, provider: LoggerProvider) -> None:
        """Listen to the provider that is only our capture of logging libraries'."""
        self._seen.own = processor = CapturedLogs(self._kept, self._seen, timed=self._timed)
        self._attach_processor(provider, provider.add_log_record_processor, processor)

    def _attach_processor(self, provider: Any, add: Callable[[Any], None], processor: Any) -> None:
        add(processor)
        self._undo.append(lambda: attached.remove_processor(provider, processor))

    def _attach_reader(self, provider: MeterProvider) -> None:
        reader = CapturedMetrics(self._kept)
        provider.add_metric_reader(reader)
        reader.begin(observes=attached.has_observables(provider))
        with self._lock:
            self._readers.append(reader)
        self._undo.append(lambda: provider.remove_metric_reader(reader))

    def detach(self) -> None:
        """Take everything out again."""
        self.collect()
        with self._lock:
            self._readers.clear()
        self._kept.close()
        for undo in reversed(self._undo):
            undo()
