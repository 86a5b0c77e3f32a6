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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tidegate.errors import ConfigurationError
from tidegate.serve.message import MAX_TARGET, Problem, Request

#: Seconds for which a browser stays logged in, and for which a login URL can be used.
SESSION_SECONDS = 12 * 3600
CODE_SECONDS = 600

#: Login URLs that wait to be used; the oldest gives way.
MAX_CODES = 16

#: Greatest length of one header in characters, and number of headers; more than any browser sends.
MAX_HEADER = 8192
MAX_HEADERS = 128

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass
class Guard:
    """The rules of one server or mount. ``token`` empty: nobody needs one, which is for loopback alone.

    ``allowed_hosts`` are names beside those of loopback; ``clock`` gives seconds since the epoch.
    Raises `ConfigurationError` for hosts that a token must stand behind.
    """

    token: str = field(default="", repr=False)
    allowed_hosts: Sequence[str] = ()
    clock: Callable[[], float] = time.time
    _codes: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if "*" in self.allowed_hosts and not self.token:
            raise ConfigurationError(
                "OTEL_PYTHON_TIDEGATE_ALLOWED_HOSTS (--allowed-host) is '*', with which any web page can read what"
                " is here through DNS rebinding unless there is a token; set OTEL_PYTHON_TIDEGATE_TOKEN, or name the"
                " hosts."
            )

    # --- what every request goes through

    def check_host(self, request: Request) -> None:
        """Raises `Problem` unless the request names a host that this server is known by."""
        received = request.headers.get("host", "")
        found = _HOST.fullmatch(received)
        if not found or not self._is_ours(found["name"].strip("[]").removesuffix(".").lower()):
            raise Problem(
                403,
                f"the Host header is {received[:200]!r}; it must be localhost, an address, or one of the names in"
                " OTEL_PYTHON_TIDEGATE_ALLOWED_HOSTS (--allowed-host).",
            )

    def _is_ours(self, name: str) -> bool:
        if name == "localhost" or name.endswith(".localhost"):
            return True
        if not _is_address(name):
            return self._is_named(name)
        try:
            # rebinding needs a name; without a token, an address must be loopback's all the same
            return ipaddress.ip_address(name).is_loopback or bool(self.token)
        except ValueError:
            return False

    def _is_named(self, name: str) -> bool:
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in map(str.lower, self.allowed_hosts)
        )

    def check_size(self, request: Request) -> None:
        """Raises `Problem` when the request is longer than any that makes sense."""
        if len(request.path) + len(request.query) > MAX_TARGET:
            raise Problem(414, f"the URL has more than {MAX_TARGET} characters; ask for less at once.")
        if len(request.headers) > MAX_HEADERS:
            raise Problem(431, f"there are {len(request.headers)} headers; {MAX_HEADERS} are the most; send fewer.")
        for name, value in request.headers.items():
            if len(name) + len(value) > MAX_HEADER:
                raise Problem(
                    431, f"the header {name[:100]!r} has more than {MAX_HEADER} characters; send a shorter one."
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
        login = f"{request.base}/login"
        if _is_navigation(request):
            raise Problem(303, f"log in first, at {login}.", {"location": login})
        raise Problem(
            401,
            "a token is needed: send `Authorization: Bearer …` with the value of OTEL_PYTHON_TIDEGATE_TOKEN,"
            f" or log in at {login} with a browser.",
            {"www-authenticate": 'Bearer realm="tidegate"'},
        )

    def is_known(self, request: Request) -> bool:
        """Whether the request shows the token, or a cookie that it was changed for."""
        sessions = _cookies(request, self.cookie_name(request))
        return bool(self.token) and (self._has_token(request) or any(map(self._is_session, sessions)))

    def _has_token(self, request: Request) -> bool:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(shown.strip())

    def is_token(self, shown: str) -> bool:
        return bool(self.token) and _equal(shown, self.token)

    # --- a browser's session

    def _is_session(self, value: str) -> bool:
        expires, _, signature = value.partition(".")
        if not re.fullmatch("[0-9]{1,12}", expires) or not _equal(signature, self._signature(expires)):
            return False
        return int(expires) > self.clock()

    def cookie(self, request: Request) -> str:
        """The header that logs a browser in. No process keeps sessions: any that knows the token can check it."""
        expires = str(int(self.clock()) + SESSION_SECONDS)
        secure = "; Secure" if request.scheme == "https" else ""
        return (
            f"{self.cookie_name(request)}={expires}.{self._signature(expires)}; Path={request.base or '/'}"
            f"; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=Strict{secure}"
        )

    def cookie_name(self, request: Request) -> str:
        """Browsers send a host's cookies to all its ports, so each port has a name of its own."""
        found = _HOST.fullmatch(request.headers.get("host", ""))
        return f"tidegate_session_{found['port'] or ''}" if found else ""

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


def _is_navigation(request: Request) -> bool:
    """Whether a browser asks for a page to show, so that a login form helps and a status does not."""
    wanted = request.headers.get("accept", "")
    return request.headers.get("sec-fetch-mode") == "navigate" and "text/html" in wanted and request.method == "GET"


def _cookies(request: Request, wanted: str) -> Iterator[str]:
    """The values of cookies of one name: there are several when readers are mounted below others.

    Not by `http.cookies`, which gives up at the first cookie of an application that is not as it expects.
    """
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            yield value


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


def _equal(shown: str, known: str) -> bool:
    """Compared in a time that says nothing about where they differ."""
    return hmac.compare_digest(shown.encode("utf-8", "replace"), known.encode())
