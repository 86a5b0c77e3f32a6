"""Whether the server around us is about to end: a client that follows must not hold it up."""

from __future__ import annotations

import signal
from typing import Any

#: The object whose method an event loop calls at SIGTERM, if there is one.
_of_loop: Any = None


def is_ending() -> bool:
    """Whether the server that handles SIGTERM in this process has been told to stop.

    Servers wait for requests that are being answered, and tell nobody that they do; but the handler
    that they installed is a method of an object that knows: uvicorn's server says ``should_exit``,
    gunicorn's worker ``alive``.
    """
    of_process = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return any(
        bool(getattr(server, "should_exit", False)) or getattr(server, "alive", True) is False
        for server in (of_process, _of_loop)
    )


def notice(loop: Any) -> None:
    """Look who handles SIGTERM on an event loop. No API tells; where asyncio's own loop is not used, nobody does."""
    global _of_loop
    handle = getattr(loop, "_signal_handlers", {}).get(signal.SIGTERM)
    _of_loop = getattr(getattr(handle, "_callback", None), "__self__", None)
