"""Flask: the request that is being handled is known inside the span that its standard instrumentation makes.

Two functions of Flask's own are registered right behind those of the instrumentation, one before and one after each
request, so that they nest; its hooks stay the user's.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import flask
from opentelemetry.trace import get_current_span

from tidegate import otel
from tidegate.errors import ConfigurationError
from tidegate.frameworks.hooks import begun, finish, guarded, tell

#: Where the context of a request has ours, and what marks a function that is ours.
_NAME = "tidegate"


def prepare(instrumentation: ModuleType) -> None:
    """Follow the requests of every application that ``opentelemetry.instrumentation.flask`` instruments from now on."""
    instrumentor = instrumentation.FlaskInstrumentor
    original, original_app = instrumentor.instrument, instrumentor.instrument_app
    if hasattr(original, _NAME):
        return

    @functools.wraps(original)
    def instrument(self: Any, **kwargs: Any) -> None:
        original(self, **kwargs)
        if self.is_instrumented_by_opentelemetry:
            _follow_all(flask.Flask)

    @functools.wraps(original_app)
    def instrument_app(app: flask.Flask, *args: Any, **kwargs: Any) -> None:
        if getattr(app, "_is_instrumented_by_opentelemetry", False):
            original_app(app, *args, **kwargs)
            return
        try:
            follow(app)  # before the instrumentation has done half of it
        except AssertionError as error:
            raise ConfigurationError(
                f"app is a Flask application that cannot be instrumented any more: {error}"
            ) from None
        original_app(app, *args, **kwargs)
        follow(app)

    setattr(instrument, _NAME, True)
    instrumentor.instrument = instrument
    instrumentor.instrument_app = staticmethod(instrument_app)
    if instrumentor().is_instrumented_by_opentelemetry:
        _follow_all(flask.Flask)


def _follow_all(cls: Any) -> None:
    """Follow every application of a class, once it has been instrumented."""
    original = cls.__init__
    if hasattr(original, _NAME):
        return

    @functools.wraps(original)
    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        otel.complete_flask(self)
        follow(self)

    setattr(initialize, _NAME, True)
    cls.__init__ = initialize


def follow(app: flask.Flask) -> None:
    """Know the requests of one application, which has just been instrumented; when it is again, ours move behind."""
    for functions, function, add in (
        (app.before_request_funcs, _begin, app.before_request),
        (app.teardown_request_funcs, _end, app.teardown_request),
    ):
        if function in functions[None]:
            functions[None].remove(function)
        add(function)


def _context() -> Any:
    """What Flask keeps of the request: not the ``environ``, which a copied context shares, nor ``g``, which may be
    that of a request around this one."""
    names = vars(flask.globals)  # by that of 3.1 where it is, since later versions warn about it
    return names.get("request_ctx", names["app_ctx"])._get_current_object()


@guarded
def _begin() -> None:
    context = _context()
    vars(context)[_NAME] = begun(context.request, get_current_span())


@guarded
def _end(error: BaseException | None) -> None:
    request = vars(_context()).pop(_NAME, None)
    if request is None:  # a copied context, or one that a test kept when its request was over: nothing began in it
        return
    if error is not None:
        tell(error, request.span)
    finish(request)
