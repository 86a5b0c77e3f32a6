"""What the instrumentations of frameworks keep to themselves."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def leave_exceptions(django: ModuleType) -> None:
    """Let Django's middleware, whose instrumentation this module is, not remember what a view raised: that is not an
    error where something answers it, as Django itself does with ``Http404``."""
    middleware = getattr(django, "_DjangoMiddleware", None)
    if hasattr(middleware, "process_exception"):
        del middleware.process_exception  # type: ignore[union-attr]


def complete_flask(app: Any) -> None:
    """Give an application of Flask's instrumented class what `uninstrument_app` will look for, and 0.66 forgets."""
    if not hasattr(app, "_teardown_request"):
        app._teardown_request = app.teardown_request_funcs[None][-1]
