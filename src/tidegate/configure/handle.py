"""What `configure_observability` returns."""

from __future__ import annotations

import logging
from types import TracebackType

from tidegate.configure.providers import sdk_providers
from tidegate.record import process
from tidegate.record.recorder import Recorder
from tidegate.settings import Settings
from tidegate.store.location import OFF

_logger = logging.getLogger("tidegate")


class Handle:
    """What `configure_observability` returns: the settings in force, and the way to flush and end.

    A context manager, synchronous and asynchronous, that shuts down at its end.
    """

    #: Whether nothing is recorded or sent here: disabled, or a helper process.
    idle: bool

    def __init__(self, settings: Settings, recorder: Recorder | None, *, idle: bool = False) -> None:
        self.settings = settings
        self.idle = idle
        self._is_shut_down = idle
        self._recorder = recorder

    @property
    def store(self) -> str:
        """Where this process records: a directory, ``memory:``, or ``off``."""
        return self._recorder.sink.location if self._recorder is not None else OFF

    @property
    def dropped(self) -> dict[str, int]:
        """Records that were lost in this process, by reason."""
        return process.dropped()

    def flush(self, timeout: float = 5.0) -> bool:
        """Commit everything to the store and let the exporters send; False if it took longer (seconds)."""
        done = process.flush(timeout, collect=True)
        for provider in sdk_providers():
            try:
                done = bool(provider.force_flush(int(timeout * 1000))) and done
            except Exception as error:  # an exporter's failure is not the application's
                _logger.warning("a flush failed: %s", error)
                done = False
        return done

    def shutdown(self) -> None:
        """Flush, and end the providers. What is recorded afterwards is lost; a second call does nothing."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        process.flush(collect=True)
        for provider in sdk_providers():
            try:
                provider.shutdown()
            except Exception as error:
                _logger.warning("a provider could not be shut down: %s", error)
        process.flush()

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Handle:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        await asyncio.to_thread(self.shutdown)
