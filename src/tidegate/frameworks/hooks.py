"""What the hooks of frameworks share: they begin and end a request, and never fail it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import Token
from typing import Any

from opentelemetry.context import Context

from tidegate.api.complaints import complain
from tidegate.api.requests import current, describe, end


def guarded(hook: Callable[..., None]) -> Callable[..., None]:
    """``hook``, of which the application hears nothing when it fails."""

    @functools.wraps(hook)
    def guarded(*args: Any) -> None:
        try:
            hook(*args)
        except Exception as error:
            complain("hook", hook.__module__, "%s failed, the request goes on: %r", hook.__module__, error)

    return guarded


def finish(token: Token[Context]) -> None:
    """End the request that began with this token, and say on its span whose it was."""
    describe(current())
    end(token)
