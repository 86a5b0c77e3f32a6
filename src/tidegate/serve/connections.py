"""Connections of `tidegate serve`: one of which nothing comes, or that takes nothing, is closed.

uvicorn has no such bounds. What is built on here are the callbacks of `asyncio.Protocol`, and ``cycle``,
uvicorn's request that is being answered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds in which the head of a request has to come, counted from the connection or the head's first byte.
HEAD_S = 10.0

#: Seconds for which a client may take nothing of what is there for it.
TAKE_S = 60.0


class Connection(H11Protocol):
    """An HTTP connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._silent = _Timer(HEAD_S, transport.abort)
        self._stuck = _Timer(TAKE_S, transport.abort)
        self._silent.start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_heard():
            self._silent.stop()
        else:
            self._silent.start()

    def _is_heard(self) -> bool:
        """Whether there is a request to be answered, or the connection has become a WebSocket's."""
        is_answering = bool(self.cycle) and not self.cycle.response_complete
        return is_answering or self.transport.get_protocol() is not self

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck.start()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stuck.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._silent.stop()
        self._stuck.stop()
        super().connection_lost(exc)


class _Timer:
    """Calls once, so many seconds after it was first started."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._call)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
