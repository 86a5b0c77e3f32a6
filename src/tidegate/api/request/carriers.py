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


NOTHING = Carrier()


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
        # FastAPI's own since 0.137, where a router that is included in another has only a part of the path
        route = (scope.get("fastapi") or {}).get("effective_route_context") or scope.get("route")
        template = getattr(route, "path", None)
        return {
            "method": scope.get("method"),
            "path": scope.get("path"),
            "route": f"{scope.get('root_path', '')}{template}" if template else None,
            "client_address": (scope.get("client") or (None,))[0],
        }

    def headers(self, names: tuple[str, ...]) -> Sequence[str]:
        ranks = _ranks(names)
        found = [pair for pair in self._scope.get("headers", ()) if pair[0] in ranks]
        if len(found) > 1:
            found.sort(key=lambda pair: ranks[pair[0]])
        return [str(value, "latin-1") for _, value in found]

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
    """A request of Flask's, with its session and, by Flask-Login, its user, where it is the current one."""

    __slots__ = ("_request",)

    def __init__(self, request: Any) -> None:
        super().__init__(request.environ)
        self._request = request

    def place(self) -> Mapping[str, Any]:
        rule = getattr(getattr(self._request, "url_rule", None), "rule", None)
        return {**super().place(), "route": rule}

    def knows_nobody(self) -> bool:
        session, user = self._inside()
        return not session and user is None and "REMOTE_USER" not in self._environ

    def users(self) -> Iterable[Any]:
        session, user = self._inside()
        # not by the session's own method, which marks it as accessed: the response would then vary by cookie
        ids = [dict.get(session, name) for name in ("user_id", "userId", "_user_id")] if session else ()
        return (user, *ids, *super().users())

    def sessions(self) -> Iterable[Any]:
        return (getattr(self._inside()[0], "sid", None),)

    def _inside(self) -> tuple[dict[str, Any] | None, Any]:
        """What Flask's contexts have: the session, and the user of Flask-Login."""
        names = vars(sys.modules.get("flask.globals", Carrier))  # others have such requests, too
        app = names["_cv_app"].get(None) if "_cv_app" in names else None
        if app is None:
            return None, None
        inner = names["_cv_request"].get(None) if "_cv_request" in names else None
        fields = vars(inner or app)  # one and the same since Flask 3.2
        request = fields.get("request") or fields.get("_request")
        if request is None or request.environ is not self._environ:
            return None, None
        # not by the proxy, for the same reason; before 3.1.3 the name is another
        session = fields.get("_session") if "_session" in fields else fields.get("session")
        return session if isinstance(session, dict) else None, vars(app.g).get("_login_user")


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

    def knows_nobody(self) -> bool:
        return self.sessions() == (None,) and self.users() == (None, None, None)

    def users(self) -> Iterable[Any]:
        fields = vars(self._request)
        # the first one by itself, since a login puts another in its place
        return _resolved(fields.get("user")), fields.get("_cached_user"), fields.get("_acached_user")

    def sessions(self) -> Iterable[Any]:
        return (getattr(vars(self._request).get("session"), "session_key", None),)


def _resolved(user: Any) -> Any:
    """A user, or None for a lazy object that would have to fetch one."""
    if user is None or not hasattr(type(user), "_wrapped"):
        return user
    wrapped = object.__getattribute__(user, "__dict__").get("_wrapped")
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
    return NOTHING
