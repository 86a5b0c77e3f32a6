"""When to try again, and whether to. Pure functions: randomness and time are arguments."""

from __future__ import annotations

import errno
import math
import random as chance
import sys
from collections.abc import Callable
from typing import Any

from tidegate.errors import ConfigurationError

#: Statuses of 4xx by which a receiver asks to be tried again: request timeout, too many requests.
_TRY_AGAIN = (408, 429)

#: Failures of a network, by the errors of the libraries that one sends with, which need not be installed.
_NETWORK_ERRORS = {
    "asyncio.exceptions.TimeoutError",
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "concurrent.futures._base.TimeoutError",
    "http.client.IncompleteRead",
    "http.client.RemoteDisconnected",
    "httpx.TransportError",
    "aiohttp.client_exceptions.ClientConnectionError",
    "aiohttp.client_exceptions.ClientPayloadError",
    "requests.exceptions.ChunkedEncodingError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "socket.gaierror",
    "socket.herror",
    "urllib3.exceptions.MaxRetryError",
    "urllib3.exceptions.NewConnectionError",
    "urllib3.exceptions.ProtocolError",
    "urllib3.exceptions.TimeoutError",
}

#: Failures that the operating system tells by number only.
_NETWORK_ERRNOS = {
    errno.EADDRNOTAVAIL,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETRESET,
    errno.ENETUNREACH,
    errno.ENOTCONN,
}

#: Statuses of gRPC after which the specification of OTLP has a sender try again.
GRPC_TRY_AGAIN = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)


def exponential_backoff(
    attempt: int,
    base: float = 2,
    cap: float = 32,
    jitter: float = 0.1,
    random: Callable[[], float] | None = None,
) -> float:
    """Seconds to wait before the next attempt: ``base ** attempt``, with jitter, and ``cap`` at most.

    ``attempt`` counts the attempts that failed before the last one, from 0, so that the defaults make
    1, 2, 4, 8, 16, 32, 32 … seconds. ``jitter`` is the part by which a time is longer or shorter, at
    random, so that many senders do not come back at once; ``random`` draws from 0 to 1 (default:
    `random.random`). The cap is put on last: nothing waits for longer. Raises `ConfigurationError` for a
    value that breaks its rule.

        >>> [exponential_backoff(attempt, jitter=0) for attempt in range(7)]
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 32.0]
        >>> exponential_backoff(3, random=lambda: 1.0)
        8.8
    """
    _require("attempt", attempt, attempt >= 0, "0 or more")
    _require("base", base, base >= 1, "1 or more")
    _require("cap", cap, cap > 0, "a number of seconds above 0")
    _require("jitter", jitter, 0 <= jitter <= 1, "a part from 0 to 1")
    try:
        seconds = float(base) ** attempt
    except OverflowError:
        seconds = sys.float_info.max
    return min(seconds * (1 + jitter * (2 * (random or chance.random)() - 1)), float(cap))


def _require(name: str, value: float, right: bool, rule: str) -> None:
    if not right:
        raise ConfigurationError(f"{name} of a backoff is {value!r}; it must be {rule}.")


def should_retry(exception: BaseException | None = None, status_code: int | None = None) -> bool:
    """Whether it is worth trying again, after this exception or this status of HTTP.

    Yes for failures of the network and timeouts, whatever library raised them (the standard library,
    requests, urllib3, httpx, aiohttp), for the statuses 408 and 429 and for 5xx, and for those of gRPC
    that OTLP's specification names. No for any other status, and for exceptions that would only come
    again. An exception that carries an answer is judged by its status.

        >>> should_retry(status_code=503), should_retry(status_code=404)
        (True, False)
        >>> should_retry(ConnectionRefusedError()), should_retry(ValueError("not a number"))
        (True, False)
    """
    if status_code is None and exception is not None:
        status_code = status_of(exception)
    if status_code is not None:
        return status_code in _TRY_AGAIN or status_code >= 500
    return exception is not None and _is_of_the_network(exception)


def status_of(exception: BaseException) -> int | None:
    """The status of the answer that an exception is about (requests, httpx, urllib and aiohttp keep it so)."""
    response: Any = getattr(exception, "response", None)
    for holder, name in ((response, "status_code"), *((exception, name) for name in ("status_code", "status", "code"))):
        found = getattr(holder, name, None)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None


def _is_of_the_network(exception: BaseException) -> bool:
    if isinstance(exception, OSError) and exception.errno in _NETWORK_ERRNOS:
        return True
    code = getattr(exception, "code", None)
    if callable(code):  # grpc.RpcError
        return getattr(code(), "name", "") in GRPC_TRY_AGAIN
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(exception).__mro__}
    if not names.isdisjoint(_NETWORK_ERRORS):
        return True
    reason = getattr(exception, "reason", None)  # urllib.error.URLError keeps what happened there
    return isinstance(reason, BaseException) and reason is not exception and _is_of_the_network(reason)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that the header ``Retry-After`` asks for, given as seconds or as a date (RFC 9110, 10.2.3).

    ``now`` is in seconds since the epoch. None when there is nothing that can be understood.
    """
    try:
        seconds = float(value or "")
    except ValueError:
        seconds = _until(value or "", now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: str, now: float) -> float:
    from email.utils import parsedate_to_datetime  # a dear import for what receivers hardly ever send

    try:
        parsed = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return math.nan
    if parsed.tzinfo is None:  # "-0000": UTC, by RFC 5322
        from datetime import timezone

        parsed = parsed.replace(tzinfo=timezone.utc)
    return parsed.timestamp() - now
