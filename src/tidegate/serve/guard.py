"""Who may ask: the host first, then the origin, then a token or the cookie that it was changed for.

A page of another site can make a browser send requests here, and DNS rebinding can even make them
look like its own; what such requests cannot do is name an allowed host. So the Host header is checked
before anything else, Origin and Sec-Fetch-Site next, and nothing is ever allowed across origins.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from tidegate.serve.message import Problem, Request

#: Seconds for which a browser stays logged in, and for which a login URL can be used.
SESSION_SECONDS = 12 * 3600
CODE_SECONDS = 600

#: Login URLs that wait to be used; the oldest gives way.
MAX_CODES = 16

COOKIE = "tidegate_session"

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass
class Guard:
    """The rules of one server or mount. ``token`` empty: nobody needs one, which is for loopback alone.

    ``allowed_hosts`` are names beside those of loopback; ``clock`` gives seconds since the epoch.
    """

    token: str = ""
    allowed_hosts: Sequence[str] = ()
    clock: Callable[[], float] = time.time
    _codes: dict[str, float] = field(default_factory=dict)

    # --- what every request goes through

    def check_host(self, request: Request) -> None:
        """Raises `Problem` unless the request names a host that this server is known by."""
        received = request.headers.get("host", "")
        found = _HOST.fullmatch(received)
        if not found or not self._is_ours(found["name"].strip("[]").rstrip(".").lower()):
            raise Problem(
                403,
                f"the Host header is {received[:200]!r}; it must be localhost, an address, or one of the names in"
                " OTEL_PYTHON_TIDEGATE_ALLOWED_HOSTS (--allowed-host).",
            )

    def _is_ours(self, name: str) -> bool:
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            # rebinding needs a name; without a token, an address must be loopback's all the same
            return (
                bool(self.token) or ipaddress.ip_address(name).is_loopback
                if _is_address(name)
                else self._is_named(name)
            )
        except ValueError:
            return False

    def _is_named(self, name: str) -> bool:
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in map(str.lower, self.allowed_hosts)
        )

    def check_origin(self, request: Request) -> None:
        """Raises `Problem` when a browser says that a page of another origin asks."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        host = request.headers.get("host", "").lower()
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise Problem(403, f"the Origin is {origin[:200]!r}; only pages of this server itself may ask it.")
        if site is not None and site not in ("same-origin", "none"):
            raise Problem(403, f"Sec-Fetch-Site is {site[:200]!r}; only pages of this server itself may ask it.")

    def check_token(self, request: Request) -> None:
        """Raises `Problem` unless the token, or a cookie that it was changed for, is there."""
        if not self.token or self.is_known(request):
            return
        raise Problem(
            401,
            "a token is needed: send `Authorization: Bearer …` with the value of OTEL_PYTHON_TIDEGATE_TOKEN,"
            f" or log in at {request.root}/login with a browser.",
            {"www-authenticate": 'Bearer realm="tidegate"'},
        )

    def is_known(self, request: Request) -> bool:
        """Whether the request shows the token, or a cookie that it was changed for."""
        return self._has_token(request) or self._has_cookie(request)

    def _has_token(self, request: Request) -> bool:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(shown.strip())

    def is_token(self, shown: str) -> bool:
        return bool(self.token) and _equal(shown, self.token)

    # --- a browser's session

    def _has_cookie(self, request: Request) -> bool:
        try:
            morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        expires, _, signature = (morsel.value if morsel else "").partition(".")
        if not re.fullmatch("[0-9]{1,12}", expires) or not _equal(signature, self._signature(expires)):
            return False
        return int(expires) > self.clock()

    def cookie(self, request: Request) -> str:
        """The header that logs a browser in. No process keeps sessions: any that knows the token can check it."""
        expires = str(int(self.clock()) + SESSION_SECONDS)
        secure = "; Secure" if request.scheme == "https" else ""
        return (
            f"{COOKIE}={expires}.{self._signature(expires)}; Path={request.root or '/'}; Max-Age={SESSION_SECONDS}"
            f"; HttpOnly; SameSite=Strict{secure}"
        )

    def _signature(self, expires: str) -> str:
        return hmac.digest(self.token.encode(), f"session {expires}".encode(), "sha256").hex()

    def new_code(self) -> str:
        """A code that logs one browser in, once and soon."""
        self._forget_codes()
        while len(self._codes) >= MAX_CODES:
            self._codes.pop(next(iter(self._codes)), None)
        code = secrets.token_urlsafe(32)
        self._codes[code] = self.clock() + CODE_SECONDS
        return code

    def use_code(self, shown: str) -> bool:
        """Whether this is a code that was not used yet; it is afterwards."""
        self._forget_codes()
        known = next((code for code in list(self._codes) if _equal(shown, code)), None)
        # the one thread that takes it out has used it
        return known is not None and self._codes.pop(known, None) is not None

    def _forget_codes(self) -> None:
        now = self.clock()
        for code, expires in list(self._codes.items()):
            if expires <= now:
                self._codes.pop(code, None)


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


def _equal(shown: str, known: str) -> bool:
    """Compared in a time that says nothing about where they differ."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), known.encode())
