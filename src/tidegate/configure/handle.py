"""What `configure_observability` returns."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tidegate.configure.providers import sdk_providers
from tidegate.frameworks.applications import instrument_app
from tidegate.record import process
from tidegate.record.recorder import Recorder
from tidegate.settings import Settings
from tidegate.store.location import OFF

if TYPE_CHECKING:
    from tidegate.configure.shipping import Shipping

_logger = logging.getLogger("tidegate")


class Handle:
    """What `configure_observability` returns: the settings in force, and the way to flush and end.

    A context manager, synchronous and asynchronous, that shuts down at its end.

        >>> import tidegate
        >>> handle = tidegate.configure_observability(store="memory:")
        >>> handle.store, handle.flush(), handle.dropped
        ('memory:', True, {})
    """

    #: Whether nothing is recorded or sent here: disabled, or a helper process.
    idle: bool

    def __init__(
        self,
        settings: Settings,
        recorder: Recorder | None,
        shipping: Shipping | None = None,
        *,
        idle: bool = False,
    ) -> None:
        self.settings = settings
        self.idle = idle
        self._is_shut_down = idle
        self._recorder, self._shipping = recorder, shipping

    @property
    def store(self) -> str:
        """Where this process records: a directory, ``memory:``, or ``off``."""
        if self._recorder is None or self.settings.store == OFF:
            return OFF
        return self._recorder.sink.location

    @property
    def dropped(self) -> dict[str, int]:
        """Records that were lost in this process, by reason."""
        return process.dropped()

    def init_app(self, app: Any, **options: Any) -> None:
        """Instrument an application that a factory has made, as Flask's extensions do: see `tidegate.instrument_app`,
        which takes the same ``options``. Nothing happens where nothing is recorded."""
        if not self.idle:
            instrument_app(app, **options)

    def flush(self, timeout: float = 5.0) -> bool:
        """Commit everything to the store, and send what is to be sent; False if something is left after so many
        seconds.

        Where other processes share the route, traces that may still grow wait until they are quiet for a second; and
        what this process committed is sent by the one that leads, in its time.
        """
        until = time.monotonic() + timeout
        done = process.flush(timeout, collect=True)
        if self._shipping is not None:
            done = self._shipping.flush(max(until - time.monotonic(), 0)) and done
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
        if self._shipping is not None:
            self._shipping.finish()

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
