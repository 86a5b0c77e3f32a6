"""Readers mounted into an application, in one line each.

They always need a token, whatever the address that asks, and show only the application's own service
unless ``service`` says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError, StoreError
from tidegate.settings import Settings, load

if TYPE_CHECKING:
    from tidegate.serve.site import Site
    from tidegate.store import Reader

#: Where the readers are, below the application's own root.
AT = "/telemetry"

#: What stands in every URL as it is.
_AT = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)+")


def asgi(app: Any = None, at: str = AT, **options: Any) -> Any:
    """An ASGI application with the readers below ``at``, in front of ``app``; alone, for a framework's
    own ``mount``, they are at its root."""
    from tidegate.serve.asgi_app import Readers

    return Readers(_site(**options), app, _path(at) if app is not None else "", _left_out)


def fastapi(app: Any, at: str = AT, **options: Any) -> None:
    """Mount the readers into a FastAPI or Starlette application."""
    app.mount(_path(at), asgi(**options))


def wsgi(app: Any = None, at: str = AT, **options: Any) -> Any:
    """A WSGI application with the readers below ``at``, in front of ``app``; alone they are at its root."""
    from tidegate.serve.wsgi_app import Readers

    return Readers(_site(**options), app, _path(at) if app is not None else "", _left_out)


def flask(app: Any, at: str = AT, **options: Any) -> None:
    """Mount the readers into a Flask application."""
    app.wsgi_app = wsgi(app.wsgi_app, at, **options)


def django(at: str = AT, **options: Any) -> list[Any]:
    """Patterns for Django's ``urlpatterns``. Its ``ALLOWED_HOSTS`` are asked, too."""
    from tidegate.serve.django_app import patterns

    return patterns(_site(**options), _path(at), _left_out)


def _path(at: Any) -> str:
    """With a slash before it and none behind it; raises `ConfigurationError` for what is none, or would hide the
    application."""
    path = "/" + at.strip("/") if isinstance(at, str) else ""
    _require(_AT.fullmatch(path), "at", at, f"a path such as {AT!r}, of letters, digits and -._~ between slashes")
    return path


def _require(is_right: object, name: str, value: object, rule: str) -> None:
    if not is_right:
        raise ConfigurationError(f"{name} is {value!r}; it must be {rule}.")


def _left_out() -> AbstractContextManager[None]:
    """Telemetry does not feed on itself: requests to the readers leave no spans, nor log records while they last."""
    from tidegate import otel

    return otel.left_out()


def _site(
    *,
    token: str | None = None,
    service: str | None = None,
    store: str | None = None,
    allowed_hosts: Sequence[str] | None = None,
    gzip: bool | None = None,
    open_health: bool = False,
    **unknown: Any,
) -> Callable[[], Site]:
    """What makes the site of readers, once; raises `ConfigurationError` for a wrong option or no token.

    Arguments that are not given come from the settings. ``service`` is whose records to show: by
    default the application's own, ``*`` for all. ``store`` is by default where this process records.
    """
    for name in unknown:
        raise ConfigurationError(
            f"{name} is no option of a mount; there are at, token, service, store, allowed_hosts, gzip, open_health."
        )
    _require(service is None or (service and isinstance(service, str)), "service", service, "a service's name, or '*'")
    _require(isinstance(open_health, bool), "open_health", open_health, "True or False")
    settings = load({"token": token, "allowed_hosts": allowed_hosts, "gzip": gzip, "store": store})
    if not settings.token:
        raise ConfigurationError(
            "readers that are mounted into an application need a token: give token=…, or set"
            " OTEL_PYTHON_TIDEGATE_TOKEN. `python -c 'import secrets; print(secrets.token_urlsafe())'` makes one."
        )

    def make() -> Site:
        from tidegate.serve.guard import Guard
        from tidegate.serve.site import Site

        return Site(
            partial(_reader, settings, store, service),
            Guard(settings.token, settings.allowed_hosts),
            gzip=settings.gzip,
            open_health=open_health,
        )

    return cache(make)


def _reader(settings: Settings, store: str | None, service: str | None) -> Reader:
    """What each process opens at its first request, when the application has been configured."""
    import tidegate.store
    from tidegate import configure

    whose = service or configure.own_service() or settings.service_name
    if not whose:
        raise StoreError(
            "it is not known whose records to show: call configure_observability(), run the application under"
            " opentelemetry-instrument, or mount the readers with service=…."
        )
    place = store or configure.own_store() or settings.store or None
    return tidegate.store.open(place, missing_ok=True, service=None if whose == "*" else whose)
