"""Django: the request that is being handled is known inside the span that its standard instrumentation makes.

The instrumentation is a middleware in front of all others, with a hook behind the beginning of its span and one in
front of its end; ours are put around the user's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tidegate.api.requests import begin
from tidegate.frameworks.hooks import finish, guarded

#: Where a request has ours, and a function that is ours.
_NAME = "_tidegate"


def prepare(instrumentation: ModuleType) -> None:
    """Follow the requests when ``opentelemetry.instrumentation.django`` is activated, by whomever."""
    instrumentor = instrumentation.DjangoInstrumentor
    original = instrumentor.instrument
    if hasattr(original, _NAME):
        return

    @functools.wraps(original)
    def instrument(self: Any, **kwargs: Any) -> None:
        hooks = {
            "request_hook": _begin_before(kwargs.get("request_hook")),
            "response_hook": _end_after(kwargs.get("response_hook")),
        }
        original(self, **{**kwargs, **hooks})

    setattr(instrument, _NAME, True)
    instrumentor.instrument = instrument


def _begin_before(hook: Callable[[Any, Any], object] | None) -> Callable[[Any, Any], None]:
    def request_hook(span: Any, request: Any) -> None:
        _begin(span, request)
        if hook is not None:
            hook(span, request)

    return request_hook


def _end_after(hook: Callable[[Any, Any, Any], object] | None) -> Callable[[Any, Any, Any], None]:
    def response_hook(span: Any, request: Any, response: Any) -> None:
        try:
            if hook is not None:
                hook(span, request, response)
        finally:
            _end(request)

    return response_hook


@guarded
def _begin(span: Any, request: Any) -> None:
    vars(request)[_NAME] = begin(request, span)


@guarded
def _end(request: Any) -> None:
    token = vars(request).pop(_NAME, None)
    if token is not None:
        finish(token)
