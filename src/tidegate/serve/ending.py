"""Whether the server around us is about to end: a client that follows must not hold it up."""

from __future__ import annotations

import signal


def is_ending() -> bool:
    """Whether the server that handles SIGTERM in this process has been told to stop.

    Servers wait for requests that are being answered, and tell nobody that they do; but the handler
    that they installed is a method of an object that knows: uvicorn's server says ``should_exit``,
    gunicorn's worker ``alive``.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False)) or getattr(server, "alive", True) is False
