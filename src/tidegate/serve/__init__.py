"""Readers over HTTP: traces, logs, metrics and health of a store, for browsers, scripts and Prometheus.

``tidegate serve`` is a server of its own. An application mounts them in one line:

    app = tidegate.serve.asgi(app)                 # any ASGI application
    tidegate.serve.fastapi(app)                    # FastAPI, Starlette
    application = tidegate.serve.wsgi(application) # any WSGI application
    tidegate.serve.flask(app)                      # Flask
    urlpatterns += tidegate.serve.django()         # Django, in urls.py

Each takes ``at`` (default ``/telemetry``), ``token``, ``service`` (default the application's own,
``*`` for all), ``store``, ``allowed_hosts``, ``gzip`` and ``open_health``; what is not given comes from
the settings. A token is always needed, so without one they raise `ConfigurationError`.

    mounts, server                            who is shown what, and where
    asgi_app, wsgi_app, django_app            request in, response out: thin
    site ── guard, routes, parameters ── records, following, health, pages     the answers
    prometheus                                series as text
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.serve.mounts import asgi, django, fastapi, flask, wsgi

__all__ = ["asgi", "django", "fastapi", "flask", "wsgi"]


def __getattr__(name: str) -> Any:
    # an application that imports this to mount readers does not load them before the first request
    if name not in __all__:
        raise AttributeError(f"module 'tidegate.serve' has no attribute {name!r}")
    from tidegate.serve import mounts

    return getattr(mounts, name)
