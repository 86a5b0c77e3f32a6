"""Django: the request that is being handled is known inside the span that its standard instrumentation makes.

The instrumentation is a middleware in front of all others, with a hook behind the beginning of its span and one in
front of its end; ours are put around the user's own.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.core.signals import got_request_exception
from opentelemetry.context import Context
from opentelemetry.trace import StatusCode, set_span_in_context

from tidegate import otel
from tidegate.api.errors import described
from tidegate.frameworks.hooks import begun, finish, guarded, tell
from tidegate.record.capture import CONTEXT, capture_record

#: Where a request has ours, and a function that is ours.
_NAME = "_tidegate"
_ERROR = "_tidegate_error"

#: By which Django reports what nobody answered.
_reports = logging.getLogger("django.request")


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

    otel.leave_exceptions(instrumentation)
    got_request_exception.connect(_note, dispatch_uid=__name__)
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
            _end(request, response)

    return response_hook


@guarded
def _begin(span: Any, request: Any) -> None:
    vars(request)[_NAME] = begun(request, span)


@guarded
def _note(sender: Any, request: Any = None, **others: Any) -> None:
    """Remember what nobody answered, in a view or a middleware: the reason why Django says 500."""
    error = sys.exc_info()[1]
    if error is not None and _NAME in vars(request):
        vars(request).setdefault(_ERROR, error)


@guarded
def _end(request: Any, response: Any) -> None:
    handled, error = vars(request).pop(_NAME, None), vars(request).pop(_ERROR, None)
    if handled is None:
        return
    if error is not None:
        handled.span.record_exception(error)
        handled.span.set_status(StatusCode.ERROR, described(error))
        tell(error, handled.span)
    if response.status_code >= 400:  # Django logs it when all middleware is through
        setattr(request, CONTEXT, set_span_in_context(handled.span, Context()))
    if error is not None and _reports.disabled:  # as ``dictConfig`` leaves loggers unless it is told not to
        capture_record(_report(request, error))
    finish(handled)


def _report(request: Any, error: BaseException) -> logging.LogRecord:
    """What Django would log of an error."""
    message, extra = "Internal Server Error: %s", {"status_code": 500, "request": request}
    exc_info = type(error), error, error.__traceback__
    return _reports.makeRecord(_reports.name, logging.ERROR, "", 0, message, (request.path,), exc_info, extra=extra)
