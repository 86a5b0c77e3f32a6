"""One attempt to deliver bytes, with what a standard exporter has set up: its session or channel, address,
headers, compression, certificates and timeout. When to try again is not decided here.
"""

from __future__ import annotations

import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tidegate.otlp.wire import fields
from tidegate.ship import outcome
from tidegate.ship.backoff import should_retry
from tidegate.ship.outcome import Outcome

#: Bytes that are read of an answer. A response of OTLP is a message of a few hundred.
MAX_ANSWER = 64 << 10

#: Seconds that a request may take where the exporter says 0, and at most: its timeout is in seconds, but the
#: specification has milliseconds, so that what was meant as ten seconds may be ten thousand.
DEFAULT_TIMEOUT, MAX_TIMEOUT = 10.0, 60.0

#: Compared with the standard exporter's 9: a third of the time for two percent more bytes.
_GZIP_LEVEL = 6

#: What OpenSSL calls faults of the configuration, and what to check.
_TLS = {
    "CERTIFICATE_VERIFY_FAILED": "the receiver is not trusted: check OTEL_EXPORTER_OTLP_CERTIFICATE",
    "WRONG_VERSION_NUMBER": "the receiver speaks no TLS: check that OTEL_EXPORTER_OTLP_ENDPOINT says http or https",
    "CERTIFICATE_REQUIRED": "the receiver wants a certificate: check OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "UNKNOWN_CA": "the receiver does not trust the certificate: check OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
}

_ADDRESS = "no request can be made with these settings: check OTEL_EXPORTER_OTLP_ENDPOINT and its certificates"

#: Headers without anything secret.
_PLAIN = {"accept", "accept-encoding", "connection", "content-encoding", "content-type", "user-agent"}

_SERVICES = {"spans": "trace", "logs": "logs", "metrics": "metrics"}


class Http:
    """Over HTTP, with an exporter's ``_client``, whose place it can take too: then ``outcome`` tells how it went."""

    def __init__(self, client: Any, signal: str) -> None:
        """Raises AttributeError when the client is of a version that is made otherwise."""
        self._client = client
        self._transport = client._transport
        self._headers: dict[str, str] = client._headers
        self._compression = getattr(client._compression, "value", "none")
        self._url: str = client._endpoint
        self._signal = signal
        self._pid = os.getpid()
        self.timeout = _seconds(client._timeout)
        self.endpoint = without_secrets(self._url)
        # for `export`
        self.outcome: Outcome | None = None
        self.count, self.limit = 0, self.timeout

    def post(self, data: bytes, count: int, timeout: float) -> Outcome:
        """Send ``count`` records in ``data``; ``timeout`` seconds is all that it may take."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            _forget_connections(self._transport)
        try:
            answer = self._request(self._compress(data), timeout)
        except Exception as error:
            return outcome.of_error(_told(error, self._hidden), _advice(error))
        answer["body"] = outcome.hidden(answer["body"], self._secrets())
        return outcome.of_http(self._signal, count, now=time.time(), **answer)

    def _hidden(self, text: str) -> str:
        return outcome.hidden(text.replace(self._url, self.endpoint), self._secrets())

    def _secrets(self) -> list[Any]:
        """The values of all headers but for those that every client sends."""
        session = getattr(self._transport, "_session", None)
        headers = [*self._headers.items(), *(getattr(session, "headers", None) or {}).items()]
        return [value for name, value in headers if str(name).lower() not in _PLAIN]

    def export(self, data: bytes) -> _Result:
        """In place of the client's own, by which an exporter sends what it has encoded itself."""
        self.outcome = self.post(data, self.count, self.limit)
        return _Result(self.outcome.verdict == outcome.SENT, self.outcome)

    def shutdown(self) -> None:
        self._client.shutdown()

    def _compress(self, data: bytes) -> bytes:
        if self._compression == "gzip":
            return gzip.compress(data, _GZIP_LEVEL)
        return zlib.compress(data) if self._compression == "deflate" else data

    def _request(self, data: bytes, timeout: float) -> dict[str, Any]:
        """The arguments of `outcome.of_http` that an answer consists of. Raises what the library raises."""
        session = getattr(self._transport, "_session", None)
        if session is None:
            return _asked(self._transport, self._url, self._headers, data, timeout)
        from urllib3 import Timeout

        deadline = time.monotonic() + timeout
        response = session.request(
            "POST",
            self._url,
            data=data,
            headers=self._headers,
            verify=getattr(
                session, "verify", None
            ),  # or REQUESTS_CA_BUNDLE would take the place of OTEL_EXPORTER_OTLP_CERTIFICATE
            timeout=Timeout(total=timeout),  # a plain number would hold for connecting, and again for every read
            allow_redirects=False,
            stream=True,
        )
        try:
            body = _read(response.raw, deadline)
        finally:
            response.close()
        headers: Mapping[str, str] = response.headers
        return {"status": response.status_code, "reason": response.reason or "", "headers": headers, "body": body}


@dataclass(frozen=True)
class _Result:
    """What the exporters of OTLP expect of their client."""

    success: bool
    outcome: Outcome

    @property
    def status_code(self) -> int | None:
        return self.outcome.status if isinstance(self.outcome.status, int) else None

    @property
    def reason(self) -> str:
        return self.outcome.error

    @property
    def error(self) -> Exception | None:
        return None if self.success else ConnectionError(self.outcome.error)


def _asked(transport: Any, url: str, headers: dict[str, str], data: bytes, timeout: float) -> dict[str, Any]:
    """By a transport that is not made of a session of requests."""
    result = transport.request("POST", url, headers=headers, data=data, timeout=timeout)
    if result.error is not None:
        raise result.error
    body = result.content()[:MAX_ANSWER]
    lower = {name.lower(): value for name, value in result.headers().items()}
    return {"status": result.status_code, "reason": result.reason or "", "headers": lower, "body": body}


def _read(raw: Any, deadline: float) -> bytes:
    """The beginning of an answer's body. The status has come already: what is missing of the rest is not missed."""
    read = getattr(raw, "read1", None) or raw.read
    body = b""
    try:
        while len(body) < MAX_ANSWER and (left := deadline - time.monotonic()) > 0:
            _set_timeout(raw, left)
            piece = read(MAX_ANSWER, decode_content=True)
            if not piece:
                break
            body += piece
    except Exception:  # a reset, a timeout, or a compression that it is not
        pass
    return body


def _set_timeout(raw: Any, seconds: float) -> None:
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    if sock is not None:
        sock.settimeout(seconds)


def _told(error: Exception, hide: Callable[[str], str]) -> str:
    """`outcome.told`, of an error in a value the name alone: it quotes the value. OpenSSL's are such errors, too."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return type(error).__name__
    return outcome.told(error, hide)


def _advice(error: Exception) -> str:
    text = outcome.told(error)
    if text.startswith(("InvalidHeader", "UnicodeEncodeError")):
        return outcome.HEADERS
    found = next((advice for name, advice in _TLS.items() if name in text), "")
    return found or ("" if should_retry(error) else _ADDRESS)


def _forget_connections(transport: Any) -> None:
    """In a forked child: what the parent has open is the parent's."""
    session = getattr(transport, "_session", None)
    for adapter in getattr(session, "adapters", {}).values():
        if hasattr(adapter, "__setstate__") and hasattr(adapter, "__getstate__"):
            adapter.__setstate__(adapter.__getstate__())  # as if it had been pickled: without connections
    pool = getattr(transport, "_pool", None)
    if pool is not None:
        pool.clear()


class Grpc:
    """Over gRPC, with an exporter's channel and metadata."""

    def __init__(self, exporter: Any, signal: str) -> None:
        """Raises AttributeError when the exporter is of a version that is made otherwise."""
        self._exporter = exporter
        self._connect = exporter._initialize_channel_and_stub
        self._signal = signal
        self._pid = os.getpid()
        self._channel: Any = None
        self._call: Any = None
        self.timeout = _seconds(exporter._timeout)
        self.endpoint = without_secrets(f"{'http' if exporter._insecure else 'https'}://{exporter._endpoint}")

    def post(self, data: bytes, count: int, timeout: float) -> Outcome:
        """Send ``count`` records in ``data``; ``timeout`` seconds is all that it may take."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._connect()  # the inherited channel is of no use, not even to be closed
        try:
            answer = self._calling()(data, metadata=self._exporter._headers or None, timeout=timeout)
        except Exception as error:
            return self._of_error(error)
        return outcome.accepted(self._signal, count, answer, "application/x-protobuf", "OK")

    def _calling(self) -> Any:
        """The method of the service, without a message's object on either side: bytes go in and come out."""
        if self._channel is not self._exporter._channel:
            self._channel = self._exporter._channel
            package = _SERVICES[self._signal]
            service = f"opentelemetry.proto.collector.{package}.v1.{package.capitalize()}Service"
            self._call = self._channel.unary_unary(f"/{service}/Export")
        return self._call

    def _of_error(self, error: Any) -> Outcome:
        if not callable(getattr(error, "code", None)):
            return outcome.of_error(_told(error, self._hidden), _advice(error))
        status = error.code().name
        if status == "UNAVAILABLE":
            self._reconnect()
        details = self._hidden(error.details() or "")
        return outcome.of_grpc(status, details, retry_delay(error.trailing_metadata() or ()))

    def _hidden(self, text: str) -> str:
        return outcome.hidden(text, [value for name, value in self._exporter._headers or () if name not in _PLAIN])

    def _reconnect(self) -> None:
        """A channel that failed waits for up to two minutes by a law of its own before it connects again."""
        try:
            self._exporter._channel.close()
        finally:
            self._connect()


def retry_delay(metadata: Iterable[tuple[str, Any]]) -> float | None:
    """Seconds that the ``google.rpc.RetryInfo`` of a call's metadata asks for, by itself or in a ``google.rpc.Status``.

    https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling
    """
    for key, value in metadata:
        try:
            if key == "google.rpc.retryinfo-bin":
                return _delay(value)
            if key == "grpc-status-details-bin":
                for detail in _inside(value, 3):
                    if b"google.rpc.RetryInfo" in b"".join(_inside(detail, 1)):
                        return _delay(b"".join(_inside(detail, 2)))
        except Exception:  # not such a message: then nothing is asked for
            pass
    return None


def _inside(message: bytes, number: int) -> Iterable[bytes]:
    return (content for found, _, content in fields(message) if found == number)


def _delay(retry_info: bytes) -> float | None:
    """Field 1 of ``RetryInfo`` is a ``Duration``: 1 are seconds, 2 nanoseconds."""
    for duration in _inside(retry_info, 1):
        parts = {number: outcome.integer(content) for number, _, content in fields(duration)}
        return float(parts.get(1, 0) + parts.get(2, 0) / 1e9)
    return None


def _seconds(timeout: float) -> float:
    return min(float(timeout), MAX_TIMEOUT) if timeout > 0 else DEFAULT_TIMEOUT


def without_secrets(url: str) -> str:
    """An address without the user, password and query that it may hold."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{netloc}{parts.path}" if netloc else parts.path
    except ValueError:
        return ""
