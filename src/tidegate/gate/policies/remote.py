"""Policies from a server, over HTTP: asked again at intervals, with ETag, and everything bounded.

By `http.client`, which no instrumentation touches, so that asking for a policy leaves no telemetry. A
redirect is followed within the same origin alone, so that the token goes nowhere else.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from socket import SHUT_RDWR, gaierror, socket
from threading import Timer
from urllib.parse import quote, urljoin, urlsplit

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.lines import MAX_BYTES
from tidegate.gate.policies.sources import Unavailable
from tidegate.store.served.address import Address, connection_to

#: The variable with the token.
TOKEN = "OTEL_PYTHON_TIDEGATE_POLICY_TOKEN"  # noqa: S105 — its name

#: Seconds that an answer may take from the first to the last byte, and redirects that are followed.
TOTAL_S, MAX_REDIRECTS = 30.0, 3

_ACCEPT = "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.1"
_AS_IT_IS = "/%:@!$&'()*+,;=~?"
_LIKE = "https://config.example.com/shop/policy.yaml"


class HttpSource:
    """What ``GET`` of a URL answers. ``location`` shows it without its query, which may hold a secret."""

    is_remote = True
    patience = 1

    def __init__(self, url: str, token: str, refresh: float) -> None:
        self._address, self._query = _parsed(url)
        self.location = str(self._address)
        self.refresh = refresh
        self._token = _checked_token(token)
        self._validators: dict[str, str] = {}
        self._socket: socket | None = None
        self._is_interrupted = False

    def fetch(self) -> bytes | None:
        path, query = self._address.path, self._query
        for _ in range(MAX_REDIRECTS + 1):
            with self._asking(f"{path or '/'}{query}") as response:
                if response.status not in (301, 302, 303, 307, 308):
                    return self._document(response)
                path, query = self._redirected(path + query, response.getheader("location") or "")
        raise Unavailable(f"{self.location} redirects more than {MAX_REDIRECTS} times; give the URL that is meant.")

    def interrupt(self) -> None:
        self._is_interrupted, open_one = True, self._socket
        try:
            if open_one is not None:
                open_one.shutdown(SHUT_RDWR)
        except OSError:  # it has ended already
            pass

    @contextmanager
    def _asking(self, target: str) -> Iterator[HTTPResponse]:
        """An answer, whatever its status; everything about it takes at most `TOTAL_S`."""
        sent = {"Accept": _ACCEPT, "Accept-Encoding": "identity", "User-Agent": "tidegate", **self._validators}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        self._is_interrupted = False
        connection, before = connection_to(self._address, sent)
        deadline = Timer(TOTAL_S, self.interrupt)
        deadline.daemon = True
        deadline.start()
        try:
            connection.connect()
            self._socket = connection.sock  # the connection forgets it when the server wants to close
            connection.request("GET", f"{before}{target}", headers=sent)
            with connection.getresponse() as response:
                yield response
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable(f"{self.location} cannot be read: {_why(error)}.") from None
        finally:
            deadline.cancel()
            self._socket = None
            connection.close()

    def _redirected(self, target: str, to: str) -> tuple[str, str]:
        """Path and query of a redirect within the same origin."""
        try:
            address, query = _parsed(urljoin(f"{self._address.origin}{target}", to))
        except ValueError:
            address = None
        if address is None or address.origin != self._address.origin:
            raise Unavailable(
                f"{self.location} redirects to {to.partition('?')[0][:200]!r}, which is not followed, lest the token go"
                " to another host: give the URL that is meant."
            )
        return address.path, query

    def _document(self, response: HTTPResponse) -> bytes | None:
        if response.status == 304 and self._validators:
            return None
        if response.status != 200:
            raise Unavailable(f"{self.location} answers {response.status}{_hint(response.status)}.")
        kind = (response.getheader("content-type") or "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Unavailable(f"{self.location} answers with a page for people ({kind}); give the URL of the policy.")
        if (response.getheader("content-encoding") or "identity").lower() != "identity":
            raise Unavailable(f"{self.location} answers compressed, which it was not asked for.")
        content = response.read(MAX_BYTES + 1)
        if self._is_interrupted or (response.length and len(content) <= MAX_BYTES):
            raise Unavailable(f"{self.location} broke off in the middle of its answer.")
        found = {"If-None-Match": response.getheader("etag"), "If-Modified-Since": response.getheader("last-modified")}
        self._validators = {name: value for name, value in found.items() if value}
        return content


def jaeger(url: str, token: str, refresh: float, service: str) -> HttpSource:
    """What a Jaeger collector or agent, or an OpenTelemetry Collector that speaks like it, says of a service."""
    if not service:
        raise ConfigurationError(
            f"the policy is to come from {url[:200]!r}, but no service is named; set OTEL_SERVICE_NAME, as Jaeger has"
            " strategies for each service."
        )
    address, query = _parsed(url[len("jaeger+") :])
    if query:
        raise ConfigurationError(f"{address} has a query; write it like jaeger+http://127.0.0.1:5778.")
    return HttpSource(
        f"{address.origin}{address.path.rstrip('/') or '/sampling'}?service={quote(service, safe='')}", token, refresh
    )


def _parsed(url: str) -> tuple[Address, str]:
    """Where a URL leads, and its query with the question mark. Raises `ConfigurationError`, showing no secret."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"the policy's URL has an unusable host or port; write it like {_LIKE}.") from None
    if parts.scheme not in ("http", "https") or not host or not host.isascii() or not host.isprintable() or " " in host:
        raise ConfigurationError(f"the policy's URL has the host {host[:80]!r}; write it like {_LIKE}.")
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"the policy's URL has a user or password before {host[:80]!r}, which others could see; leave them out,"
            f" and set {TOKEN} to a token."
        )
    query = f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
    return Address(parts.scheme, host, port, quote(parts.path, safe=_AS_IT_IS)), query


def _checked_token(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(f"{TOKEN} has a space, a line break or a letter beyond ASCII; no header can carry it.")
    return token


def _hint(status: int) -> str:
    if status in (401, 403):
        return f", so it wants to know who asks; set {TOKEN} to its token"
    return "; correct the URL" if status in (404, 410) else ""


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}; SSL_CERT_FILE can name your own authority"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or error}), as it does when it is http:// and not https://"
        case ConnectionRefusedError():
            return "nothing listens there"
        case gaierror():
            return "there is no host of that name"
        case TimeoutError():
            return "it does not answer in time"
        case OSError():
            return error.strerror or str(error)
    return f"it does not speak HTTP as it should ({str(error)[:80]!r}, {type(error).__name__})"
