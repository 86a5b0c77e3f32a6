"""Waits between attempts, and what is tried again at all."""

from __future__ import annotations

import asyncio
import concurrent.futures
import doctest
import http.client
import socket
import urllib.error
from datetime import datetime, timezone
from email.message import Message
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

import tidegate.ship
from tidegate.errors import ConfigurationError
from tidegate.ship import backoff, exponential_backoff, should_retry
from tidegate.ship.backoff import retry_after

NOW = 1_700_000_000.0


def test_waits_double_from_one_second_to_32() -> None:
    assert [exponential_backoff(n, jitter=0) for n in range(8)] == [1, 2, 4, 8, 16, 32, 32, 32]


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 3.6), (0.5, 4.0), (1.0, 4.4)])
def test_jitter_is_a_tenth_to_either_side(drawn: float, seconds: float) -> None:
    assert exponential_backoff(2, random=lambda: drawn) == pytest.approx(seconds)


def test_nothing_waits_for_longer_than_the_cap_jitter_included() -> None:
    assert exponential_backoff(5, random=lambda: 1.0) == 32


def test_at_the_cap_jitter_still_shortens() -> None:
    assert exponential_backoff(5, random=lambda: 0.0) == pytest.approx(28.8)


@given(st.integers(0, 10**6), st.floats(1, 10), st.floats(0.1, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_every_wait_is_a_number_from_zero_to_the_cap(
    attempt: int, base: float, cap: float, jitter: float, drawn: float
) -> None:
    assert 0 <= exponential_backoff(attempt, base, cap, jitter, lambda: drawn) <= cap


@given(st.integers(0, 40))
def test_waits_drawn_by_default_are_within_the_jitter(attempt: int) -> None:
    exact = 2.0**attempt
    assert min(0.9 * exact, 28.8) <= exponential_backoff(attempt) <= min(1.1 * exact, 32)


@pytest.mark.parametrize(
    ("argument", "options"),
    [("attempt", {"attempt": -1}), ("base", {"base": 0.5}), ("cap", {"cap": 0}), ("jitter", {"jitter": 1.5})],
)
def test_a_wrong_value_is_said_with_its_rule(argument: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"^{argument} of a backoff is .*; it must be "):
        exponential_backoff(**{"attempt": 0, **options})


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 599])
def test_statuses_that_may_pass_are_tried_again(status: int) -> None:
    assert should_retry(status_code=status)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 405, 409, 413, 415, 422])
def test_other_statuses_are_not_tried_again(status: int) -> None:
    assert not should_retry(status_code=status)


def test_without_a_failure_there_is_nothing_to_try_again() -> None:
    assert not should_retry()


TIMEOUT = urllib3.exceptions.ReadTimeoutError(None, "/", "read timed out")  # type: ignore[arg-type]


NETWORK = [
    ConnectionRefusedError(),
    ConnectionResetError(),
    BrokenPipeError(),
    TimeoutError(),
    asyncio.TimeoutError(),
    concurrent.futures.TimeoutError(),
    socket.gaierror(-2, "name or service not known"),
    OSError(113, "no route to host"),
    http.client.RemoteDisconnected(""),
    http.client.IncompleteRead(b""),
    urllib.error.URLError(ConnectionRefusedError()),
    requests.exceptions.ConnectionError(),
    requests.exceptions.ReadTimeout(),
    requests.exceptions.ChunkedEncodingError(),
    TIMEOUT,
    urllib3.exceptions.ProtocolError("cut short"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("late"),
]


def name(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__name__}"


# three of them are one from Python 3.11 on
@pytest.mark.parametrize("error", {name(error): error for error in NETWORK}.values(), ids=name)
def test_failures_of_the_network_are_tried_again(error: Exception) -> None:
    assert should_retry(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not a number"),
        KeyError("missing"),
        FileNotFoundError(2, "no such file"),
        PermissionError(13, "permission denied"),
        requests.exceptions.InvalidURL("no host"),
        requests.exceptions.MissingSchema("no scheme"),
        urllib.error.URLError("unknown url type: ftps"),
        httpx.InvalidURL("no host"),
    ],
    ids=name,
)
def test_other_exceptions_are_not_tried_again(error: Exception) -> None:
    assert not should_retry(error)


def answered(status: int) -> list[Exception]:
    """An answer's status as libraries raise it."""
    response = requests.Response()
    response.status_code = status
    request = httpx.Request("POST", "http://localhost")
    return [
        requests.exceptions.HTTPError(response=response),
        urllib.error.HTTPError("http://localhost", status, "", Message(), None),
        httpx.HTTPStatusError("", request=request, response=httpx.Response(status)),
    ]


@pytest.mark.parametrize("error", answered(503), ids=name)
def test_an_exception_with_an_answer_that_may_pass_is_tried_again(error: Exception) -> None:
    assert should_retry(error)


@pytest.mark.parametrize("error", answered(404), ids=name)
def test_an_exception_with_another_answer_is_not_tried_again(error: Exception) -> None:
    assert not should_retry(error)


def test_a_given_status_counts_for_more_than_the_exception() -> None:
    assert not should_retry(ConnectionError(), 404)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("120", 120), (" 2 ", 2), ("1.5", 1.5), ("-3", 0)])
def test_retry_after_may_be_seconds(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90), (-90, 0)])
def test_retry_after_may_be_a_date(ahead: float, seconds: float) -> None:
    date = datetime.fromtimestamp(NOW + ahead, timezone.utc)
    assert retry_after(format_datetime(date, usegmt=True), NOW) == seconds


def test_a_date_without_a_zone_is_in_utc() -> None:
    assert retry_after("Tue, 14 Nov 2023 22:13:50 -0000", NOW) == 30


@pytest.mark.parametrize("value", [None, "", "soon", "nan", "inf", "Tue, 99 Nov 2023 22:13:50 GMT"])
def test_another_retry_after_says_nothing(value: str | None) -> None:
    assert retry_after(value, NOW) is None


def test_the_names_are_public() -> None:
    assert {"exponential_backoff", "should_retry"} <= set(tidegate.ship.__all__)


def test_the_examples_are_true() -> None:
    assert doctest.testmod(backoff) == (0, 4)
