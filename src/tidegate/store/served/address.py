"""Where a served store is, and the way there."""

from __future__ import annotations

import ipaddress
import re
import ssl
from base64 import b64encode
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from tidegate.errors import ConfigurationError

#: Seconds that a connection may take.
CONNECT_S = 10.0

#: The variable with what clients show.
TOKEN = "OTEL_PYTHON_TIDEGATE_TOKEN"  # noqa: S105 — its name

#: What may stand in a path as it is, percent signs included.
_PATH = "/%:@!$&'()*+,;=~"

_LIKE = "http://127.0.0.1:4319 or https://shop.example.com/telemetry"


@dataclass(frozen=True)
class Address:
    """The URL of a served store; as text without a slash at its end."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises `ConfigurationError`, whose text never shows a password or a token."""
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ConfigurationError(f"the store's URL has an unusable host or port; write it like {_LIKE}.") from None
        if parts.scheme not in ("http", "https"):
            raise ConfigurationError(
                f"the store's URL begins with {parts.scheme[:40]!r}; a store is a directory, or a URL that begins with"
                " http:// or https://."
            )
        if "@" in parts.netloc:
            raise ConfigurationError(
                f"the store's URL has a user or password before {host[:80]!r}, which others could see; leave them out,"
                f" and set {TOKEN} to the server's token."
            )
        if parts.query or parts.fragment:
            raise ConfigurationError(
                f"the store's URL has something after '?' or '#'; write it like {_LIKE}, and set {TOKEN} to a token."
            )
        if not re.fullmatch(r"[\w.:-]+", host):
            raise ConfigurationError(f"the store's URL has the host {host[:80]!r}; write it like {_LIKE}.")
        return cls(parts.scheme, host, port, quote(parts.path, safe=_PATH).rstrip("/"))

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


def connection_to(address: Address, headers: dict[str, str]) -> tuple[HTTPConnection, str]:
    """A connection that is still to be opened, and what stands before the paths that are asked for.

    It goes through a proxy if the environment names one (``HTTPS_PROXY``, ``NO_PROXY`` and so on),
    never to this machine itself; a proxy may add to the ``headers``.
    """
    proxy = None if address.is_loopback or proxy_bypass(address.host) else getproxies().get(address.scheme)
    if not proxy:
        return _connection(address.scheme, address.host, address.port), ""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = {}
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    if address.scheme == "http":
        headers.update(login)
        return _connection(parts.scheme, parts.hostname or "", parts.port), address.origin
    connection = _connection("https", parts.hostname or "", parts.port or 80)
    connection.set_tunnel(address.host, address.port or 443, headers=login)
    return connection, ""


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=CONNECT_S, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=CONNECT_S)
