"""What carries a request: an ASGI scope, a WSGI environ, or an object of Starlette's, Flask's or Django's.

Each is read by the same names, duck-typed and without importing a framework. Nothing is awaited, no body is read, no
session opened, and nothing is touched that would mark a session as used or fetch a user from a database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any


class Carrier:
    """A request of no framework, of which nothing is known."""

    __slots__ = ()

    def place(self) -> Mapping[str, Any]:
        """``method``, ``path``, ``route`` and ``client_address``, as far as they are known."""
        return {}

    def headers(self, names: tuple[str, ...]) -> Sequence[str]:
        """The values of headers, in the order of these names, which are in lower case."""
        return ()

    def knows_nobody(self) -> bool:
        """Whether there is certainly neither a user nor a session by now, at the cost of a look."""
        return False

    def users(self) -> Iterable[Any]:
        """Users, or ids of such, the most certain first."""
        return ()

    def sessions(self) -> Iterable[Any]:
        """Ids of the session."""
        return ()


@lru_cache(16)
def _ranks(names: tuple[str, ...]) -> dict[bytes, int]:
    return {name.encode(): rank for rank, name in enumerate(names)}


class Asgi(Carrier):
    """A scope of ASGI."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope

    def place(self) -> Mapping[str, Any]:
        scope = self._scope
        route = getattr(scope.get("route"), "path_format", None)
        return {
            "method": scope.get("method"),
            "path": scope.get("path"),
            "route": f"{scope.get('root_path', '')}{route}" if route else None,
            "client_address": (scope.get("client") or (None,))[0],
        }

    def headers(self, names: tuple[str, ...]) -> Sequence[str]:
        ranks = _ranks(names)
        found = [pair for pair in self._scope.get("headers", ()) if pair[0] in ranks]
        return [str(value, "latin-1") for _, value in sorted(found, key=lambda pair: ranks[pair[0]])] if found else ()

    def knows_nobody(self) -> bool:
        return not self._scope.get("state") and self._scope.get("user") is None

    def users(self) -> Iterable[Any]:
        state = self._scope.get("state") or {}
        return self._scope.get("user"), state.get("user_id"), state.get("user")

    def sessions(self) -> Iterable[Any]:
        return ((self._scope.get("state") or {}).get("session_id"),)


class Wsgi(Carrier):
    """An environ of WSGI."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def place(self) -> Mapping[str, Any]:
        path = self._environ.get("SCRIPT_NAME", "") + self._environ.get("PATH_INFO", "")
        return {
            "method": self._environ.get("REQUEST_METHOD"),
            "path": path.encode("latin-1").decode("utf-8", "replace"),  # as WSGI wants text
            "client_address": self._environ.get("REMOTE_ADDR"),
        }

    def headers(self, names: tuple[str, ...]) -> Sequence[str]:
        keys = ("HTTP_" + name.upper().replace("-", "_") for name in names)
        return [self._environ[key] for key in keys if key in self._environ]

    def users(self) -> Iterable[Any]:
        return (self._environ.get("REMOTE_USER"),)


class Flask(Wsgi):
    """A request of Flask's, with its session and, by Flask-Login, its user."""

    __slots__ = ("_rule",)

    def __init__(self, request: Any) -> None:
        super().__init__(request.environ)
        self._rule = getattr(getattr(request, "url_rule", None), "rule", None)

    def place(self) -> Mapping[str, Any]:
        return {**super().place(), "route": self._rule}

    def users(self) -> Iterable[Any]:
        session = self._session()
        yield vars(self._in_contexts("g")).get("_login_user")
        for name in ("user_id", "userId", "_user_id"):
            # not by its own method, which marks the session as accessed: the response would then vary by cookie
            yield dict.get(session, name) if isinstance(session, dict) else None
        yield from super().users()

    def sessions(self) -> Iterable[Any]:
        yield getattr(self._session(), "sid", None)

    def _session(self) -> Any:
        # not by the proxy, for the same reason
        return self._in_contexts("_session", "session")

    def _in_contexts(self, *names: str) -> Any:
        """What the contexts of Flask here have under one of the names; else an object without anything."""
        flask = vars(sys.modules.get("flask.globals", Carrier))
        for variable in filter(None, (flask.get("_cv_request"), flask.get("_cv_app"))):
            fields = vars(variable.get(None) or Carrier)
            found = next((fields[name] for name in names if fields.get(name) is not None), None)
            if found is not None:
                return found
        return Carrier


class Django(Carrier):
    """A request of Django's, by WSGI or ASGI."""

    __slots__ = ("_request",)

    def __init__(self, request: Any) -> None:
        self._request = vars(request).get("_request") or request  # REST framework has one of its own around it

    def place(self) -> Mapping[str, Any]:
        request = self._request
        return {
            "method": request.method,
            "path": request.path,
            "route": getattr(getattr(request, "resolver_match", None), "route", None),
            "client_address": request.META.get("REMOTE_ADDR"),
        }

    def headers(self, names: tuple[str, ...]) -> Sequence[str]:
        return Wsgi(self._request.META).headers(names)

    def users(self) -> Iterable[Any]:
        fields = vars(self._request)
        return [_resolved(fields.get(name)) for name in ("_cached_user", "_acached_user", "user")]

    def sessions(self) -> Iterable[Any]:
        return (getattr(vars(self._request).get("session"), "session_key", None),)


def _resolved(user: Any) -> Any:
    """A user, or None for a lazy object that would have to fetch one."""
    fields = object.__getattribute__(user, "__dict__") if hasattr(type(user), "__dict__") and user is not None else {}
    wrapped = fields.get("_wrapped", user)
    return None if type(wrapped) is object else wrapped  # a bare object is Django's mark of what is not there yet


def carrier_of(request: Any) -> Carrier:
    """How to read ``request``, by what it has."""
    if isinstance(request, dict):
        return Wsgi(request) if "REQUEST_METHOD" in request else Asgi(request)
    if isinstance(getattr(request, "META", None), dict):
        return Django(request)
    if isinstance(getattr(request, "scope", None), dict):
        return Asgi(request.scope)
    if isinstance(getattr(request, "environ", None), dict):
        return Flask(request)
    return Carrier()
