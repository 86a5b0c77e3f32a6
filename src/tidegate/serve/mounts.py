"""Readers mounted into an application, in one line each.

They always need a token, whatever the address that asks, and show only the application's own service
unless ``service`` says otherwise.
"""

from __future__ import annotations

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


def _path(at: str) -> str:
    """With a slash before it and none behind it; raises `ConfigurationError` for what would hide the application."""
    if not at.strip("/"):
        raise ConfigurationError(f"at is {at!r}, which would hide the application; give a path such as {AT!r}.")
    return "/" + at.strip("/")


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
) -> Callable[[], Site]:
    """What makes the site of readers in an application, once; raises `ConfigurationError` when there is no token.

    Arguments that are not given come from the settings. ``service`` is whose records to show: by
    default the application's own, ``*`` for all. ``store`` is by default where this process records.
    """
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
