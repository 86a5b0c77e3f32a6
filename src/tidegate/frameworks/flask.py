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

from tidegate.api.requests import begin
from tidegate.frameworks.hooks import finish, guarded
from tidegate.record.raised import note

#: Where an application and the context of a request have ours, and a function that is ours.
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
        follow(self)

    setattr(initialize, _NAME, True)
    cls.__init__ = initialize


def follow(app: flask.Flask) -> None:
    """Know the requests of one application, which is instrumented; a second time changes nothing."""
    if _NAME not in app.extensions:
        app.extensions[_NAME] = True
        app.before_request(_begin)
        app.teardown_request(_end)


def _context() -> Any:
    """What Flask keeps of the request: not the ``environ``, which a copied context shares, nor ``g``, which may be
    that of a request around this one."""
    names = vars(flask.globals)  # by that of 3.1 where it is, since later versions warn about it
    return names.get("request_ctx", names["app_ctx"])._get_current_object()


@guarded
def _begin() -> None:
    context = _context()
    vars(context)[_NAME] = begin(context.request, get_current_span())


@guarded
def _end(error: BaseException | None) -> None:
    token = vars(_context()).pop(_NAME, None)
    if token is None:  # a copied context, or one that a test kept when its request was over: nothing began in it
        return
    if error is not None:
        note(error)
    finish(token)
