"""What a receiver made of a request: took it, may take it later, or refuses it for good. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tidegate.otlp.wire import fields
from tidegate.ship.backoff import GRPC_TRY_AGAIN, retry_after, should_retry

Content = TypeVar("Content", str, bytes)

SENT, RETRY, REFUSED = "sent", "retry", "refused"

#: Longest time in seconds that a receiver may ask for, whatever it says.
MAX_RETRY_AFTER = 3600.0

#: Characters of a message that are kept of what a receiver says.
MAX_MESSAGE = 300

#: Where the count of rejected records is, in each signal's response in JSON.
_REJECTED = {"spans": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}

#: Answers that are about the request's address, credentials or form, not about the records in it, and what to do.
ADVICE: dict[int | str, str] = {
    401: "the receiver wants credentials: check OTEL_EXPORTER_OTLP_HEADERS",
    403: "the receiver does not accept these credentials: check OTEL_EXPORTER_OTLP_HEADERS",
    404: "nothing takes OTLP at this path: check OTEL_EXPORTER_OTLP_ENDPOINT",
    405: "what is at this path takes no POST: check OTEL_EXPORTER_OTLP_ENDPOINT",
    407: "the proxy wants credentials: check HTTPS_PROXY",
    415: "the receiver does not take this encoding: check OTEL_EXPORTER_OTLP_PROTOCOL",
    "UNAUTHENTICATED": "the receiver wants credentials: check OTEL_EXPORTER_OTLP_HEADERS",
    "PERMISSION_DENIED": "the receiver does not accept these credentials: check OTEL_EXPORTER_OTLP_HEADERS",
    "UNIMPLEMENTED": "nothing takes this signal over gRPC there: check OTEL_EXPORTER_OTLP_ENDPOINT",
    "NOT_FOUND": "nothing takes this signal over gRPC there: check OTEL_EXPORTER_OTLP_ENDPOINT",
}

#: For headers that no request can be made with; gRPC's own answer to them.
HEADERS = "no request can be made with these headers: check OTEL_EXPORTER_OTLP_HEADERS"
_NO_METADATA = "INTERNAL", "Invalid metadata"

_REDIRECTED = "the receiver is elsewhere: check OTEL_EXPORTER_OTLP_ENDPOINT, or log in to the network"
_WEB_PAGE = "a web page answered, not a receiver of OTLP: check OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    ``verdict`` is ``sent``, ``retry`` (now or later, nothing is lost) or ``refused`` (for good: the same
    request would be refused again). ``accepted`` records were taken, ``rejected`` ones were not although
    the request was (a partial success). ``retry_after`` is how many seconds the receiver asks to wait,
    ``error`` what went wrong, ``status`` the answer's, in numbers of HTTP or names of gRPC. ``advice`` says
    what to check where the configuration is at fault, and is empty otherwise.
    """

    verdict: str
    accepted: int = 0
    rejected: int = 0
    retry_after: float | None = None
    error: str = ""
    status: int | str | None = None
    advice: str = ""

    @property
    def retry(self) -> bool:
        return self.verdict == RETRY


def of_error(error: BaseException | str, advice: str = "") -> Outcome:
    """No answer: a failure of the network, or a setting that no request can be made with."""
    return Outcome(RETRY, error=error if isinstance(error, str) else told(error), advice=advice)


def told(error: BaseException, hide: Callable[[str], str] = str) -> str:
    """An exception in a sentence: the one that began it, since those around it only repeat, with addresses and keys.

    ``hide`` takes out what is secret before it is cut; of one that quotes headers or addresses the name is all.
    """
    for _ in range(_DEEPEST):
        inner = next(filter(_is_exception, (getattr(error, "reason", None), error.__cause__, *error.args)), None)
        if inner is None:
            break
        error = inner
    if (name := type(error).__name__) in _QUOTING:
        return name
    try:
        return _short(hide(f"{name}: {error}"))
    except Exception:  # an application's or exporter's own, which cannot even say what it is
        return name


def hidden(text: Content, secrets: Iterable[Any]) -> Content:
    """A text, or the bytes of an answer, with stars in place of secrets: as many, so that a message stays one."""
    for secret in sorted({form for each in secrets for form in _forms(each)}, key=len, reverse=True):
        if isinstance(text, bytes):
            written = secret.encode("utf-8", "replace")
            text = text.replace(written, len(written) * b"*")
        else:
            text = text.replace(secret, len(secret) * "*")
    return text


def _forms(secret: Any) -> Iterable[str]:
    """How a header's value may be quoted: as a whole, a word of it, or as Python would write it."""
    text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret)
    found = (text, text.strip(), *text.split())
    return (form for each in found for form in (each, repr(each)[1:-1]) if len(form) >= _SHORTEST)


#: Fewer characters are no secret, and stars in their place would make every message unreadable.
_SHORTEST = 4


def _is_exception(value: Any) -> bool:
    return isinstance(value, BaseException)


#: Names of exceptions of requests and urllib3 that quote a header's value or an address, with what is secret in it.
_QUOTING = {"InvalidHeader", "InvalidURL", "InvalidSchema", "MissingSchema", "LocationParseError"}

#: Exceptions within exceptions that are looked into.
_DEEPEST = 8


def of_http(
    signal: str,
    count: int,
    status: int,
    *,
    now: float,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    reason: str = "",
) -> Outcome:
    """An answer over HTTP to ``count`` records; ``now`` is in seconds since the epoch, for a date in ``Retry-After``.

    https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
    """
    headers = headers or {}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if 200 <= status < 300 and not _is_web_page(kind, body):
        return accepted(signal, count, body, kind, status)
    error = _short(f"{status} {_said(kind, body) or reason}".strip())
    advice = ADVICE.get(status, "")
    if status < 400:
        advice = _WEB_PAGE if status < 300 else _REDIRECTED
    if advice:
        return Outcome(RETRY, error=error, status=status, advice=advice)
    if should_retry(status_code=status):
        return Outcome(RETRY, retry_after=wait(headers.get("retry-after"), now), error=error, status=status)
    return Outcome(REFUSED, error=error, status=status)


def wait(value: str | None, now: float) -> float | None:
    """`retry_after`, within `MAX_RETRY_AFTER`."""
    seconds = retry_after(value, now)
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER)


def of_grpc(status: str, details: str, retry_delay: float | None) -> Outcome:
    """A call over gRPC that ended with this status. ``retry_delay`` is what ``RetryInfo`` says, in seconds.

    https://opentelemetry.io/docs/specs/otlp/#failures; of RESOURCE_EXHAUSTED, which that calls final without a
    ``RetryInfo``, only a message that is too large is: receivers that limit rates leave it out.
    """
    error = _short(f"{status}: {details}" if details else status)
    advice = HEADERS if status == _NO_METADATA[0] and _NO_METADATA[1] in details else ADVICE.get(status)
    if advice:
        return Outcome(RETRY, error=error, status=status, advice=advice)
    too_large = status == "RESOURCE_EXHAUSTED" and retry_delay is None and "larger than max" in details
    if status in GRPC_TRY_AGAIN and not too_large:
        delay = None if retry_delay is None else min(max(retry_delay, 0.0), MAX_RETRY_AFTER)
        return Outcome(RETRY, retry_after=delay, error=error, status=status)
    return Outcome(REFUSED, error=error, status=status)


def accepted(signal: str, count: int, body: bytes, kind: str, status: int | str) -> Outcome:
    """A request that was taken; the body of the answer may say that some of its records were not.

    A body that cannot be understood says nothing.
    """
    rejected, message = 0, ""
    try:
        if body and kind == "application/json":
            rejected, message = _partial_success_in_json(signal, body)
        elif body and kind == "application/x-protobuf":
            rejected, message = _partial_success(body)
    except Exception:  # not the message that its content type says, or cut short
        pass
    rejected = min(max(rejected, 0), count) if rejected < 1 << 63 else 0
    return Outcome(SENT, count - rejected, rejected, error=_short(message), status=status)


def _partial_success(body: bytes) -> tuple[int, str]:
    """Field 1 of the response, the same in all three: 1 is how many were rejected, 2 a message."""
    rejected, message = 0, ""
    for part in (content for number, _, content in fields(body) if number == 1):
        for number, _, content in fields(part):
            if number == 1:
                rejected = integer(content)
            elif number == 2:
                message = content.decode("utf-8", "replace")
    return rejected, message


def integer(varint: bytes) -> int:
    """The number that a field of protobuf holds."""
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))


def _partial_success_in_json(signal: str, body: bytes) -> tuple[int, str]:
    found = json.loads(body).get("partialSuccess") or {}
    return int(found.get(_REJECTED[signal], 0)), str(found.get("errorMessage", ""))


def _is_web_page(kind: str, body: bytes) -> bool:
    return kind == "text/html" and body.lstrip()[:5].lower() in (b"<!doc", b"<html")


def _said(kind: str, body: bytes) -> str:
    """The message in an answer's body: a ``google.rpc.Status`` in protobuf or JSON, or plain text."""
    if not body or _is_web_page(kind, body):
        return ""
    reader = _MESSAGES.get(kind, _text)
    try:
        return reader(body)
    except Exception:  # it is not what its content type says
        return _text(body)


def _text(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    return text if text.isprintable() or "\n" in text else ""


def _json_message(body: bytes) -> str:
    found: Any = json.loads(body)
    return str(found["message"]) if isinstance(found, dict) and "message" in found else _text(body)


def _status_message(body: bytes) -> str:
    """Field 2 of ``google.rpc.Status``."""
    found = (content.decode("utf-8", "replace") for number, _, content in fields(body) if number == 2)
    return next(found, "")


_MESSAGES: dict[str, Callable[[bytes], str]] = {
    "application/json": _json_message,
    "application/x-protobuf": _status_message,
}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
