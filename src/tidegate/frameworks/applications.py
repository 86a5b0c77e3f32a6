"""One application: FastAPI's, Starlette's or Flask's, instrumented after it was made."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from tidegate.errors import ConfigurationError
from tidegate.frameworks import loading
from tidegate.kinds import URLS

#: Of each framework: the class of its applications, what instruments them, and its extra.
_INSTRUMENTORS = {
    "fastapi.FastAPI": ("opentelemetry.instrumentation.fastapi", "FastAPIInstrumentor", "fastapi"),
    "starlette.Starlette": ("opentelemetry.instrumentation.starlette", "StarletteInstrumentor", "starlette"),
    "flask.Flask": ("opentelemetry.instrumentation.flask", "FlaskInstrumentor", "flask"),
}


def instrument_app(app: Any, *, excluded_urls: str | Iterable[str] | None = None, **hooks: Any) -> None:
    """Instrument one FastAPI, Starlette or Flask application, unless it is: each of its requests makes a span.

    ``excluded_urls`` are regular expressions, separated by commas or in a list; a request whose URL one of them is
    found in makes none. The default is the setting of that name. ``hooks`` go to the framework's instrumentor, such
    as ``server_request_hook`` of FastAPI and Starlette. Given either, an application that is instrumented already is
    instrumented anew. Call it before the first request; FastAPI and Starlette take it also while they start.

        >>> import tidegate
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> tidegate.instrument_app(app, excluded_urls=["/healthz", "/static/"])

    Raises `ConfigurationError` for anything else than such an application, for a hook that its instrumentor does not
    take, and when the extra of that framework is not installed.
    """
    framework, instrumentor = _instrumentor(app)
    is_instrumented = getattr(app, "_is_instrumented_by_opentelemetry", False)
    if is_instrumented and excluded_urls is None and not hooks:
        return
    _check(instrumentor, hooks)
    excluded = loading.excluded_urls(framework) if excluded_urls is None else ",".join(_parsed(excluded_urls))
    _unbuild(app)
    if is_instrumented:
        _check_wrapping(app, instrumentor)
        instrumentor.uninstrument_app(app)
        _unbuild(app)
    if framework == "starlette":
        instrumentor.instrument_app(app, **hooks)
        app.user_middleware[0].kwargs["excluded_urls"] = excluded  # there is no argument for it
    else:
        instrumentor.instrument_app(app, excluded_urls=excluded, **hooks)


def _instrumentor(app: Any) -> tuple[str, Any]:
    """The name of an application's framework, and what instruments it."""
    bases = {f"{base.__module__.split('.')[0]}.{base.__name__}" for base in type(app).__mro__}
    found = next((row for name, row in _INSTRUMENTORS.items() if name in bases), None)
    if found is None:
        raise ConfigurationError(
            f"app is a {type(app).__module__}.{type(app).__qualname__}; it must be a FastAPI, Starlette or Flask"
            " application. Django is instrumented without one: put 'tidegate.django' into INSTALLED_APPS."
        )
    module, name, framework = found
    try:
        return framework, getattr(import_module(module), name)()
    except ImportError:
        raise ConfigurationError(
            f"app is of {framework}, and its instrumentation is not installed: pip install 'tidegate[{framework}]'."
        ) from None


def _parsed(excluded_urls: str | Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(URLS.parse(excluded_urls))
    except (ValueError, TypeError):
        raise ConfigurationError(f"excluded_urls is {excluded_urls!r}; it must be {URLS.rule}.") from None


def _check(instrumentor: Any, hooks: dict[str, Any]) -> None:
    taken = inspect.signature(instrumentor.instrument_app).parameters
    wrong = next((name for name in hooks if name not in taken), None)
    if wrong is not None:
        names = ", ".join(name for name in taken if name not in ("app", "excluded_urls"))
        raise ConfigurationError(f"{wrong} is nothing that {type(instrumentor).__name__} takes; it takes {names}.")


def _check_wrapping(app: Any, instrumentor: Any) -> None:
    """Undoing an instrumentation of Flask's would undo with it what has been put around the application since."""
    outermost = getattr(app, "wsgi_app", None)
    if outermost is not None and getattr(outermost, "__module__", "") != type(instrumentor).__module__:
        raise ConfigurationError(
            f"app.wsgi_app is {outermost!r}, put around an application that is instrumented already; call"
            " instrument_app before that, or say what to exclude by the setting excluded_urls."
        )


def _unbuild(app: Any) -> None:
    """Let one of Starlette's applications build its stack of middleware again, at the next request."""
    if hasattr(app, "middleware_stack"):
        app.middleware_stack = None
