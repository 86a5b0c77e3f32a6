"""What answers mean, whatever they hold."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from tidegate.ship import outcome
from tidegate.ship.backoff import should_retry
from tidegate.ship.outcome import REFUSED, RETRY, SENT, of_grpc, of_http, told
from tidegate.ship.transport import retry_delay

BODIES = st.binary(max_size=40)
KINDS = st.sampled_from(["application/x-protobuf", "application/json", "text/html", "text/plain", ""])


@given(st.integers(100, 599), BODIES, KINDS, st.none() | st.text(max_size=10))
def test_every_answer_means_something(status: int, body: bytes, kind: str, later: str | None) -> None:
    headers = {"content-type": kind, **({"retry-after": later} if later is not None else {})}
    found = of_http("logs", 5, status, now=0.0, headers=headers, body=body)
    assert found.verdict in (SENT, RETRY, REFUSED)
    assert (found.verdict == SENT) == (found.accepted + found.rejected == 5)
    assert found.verdict == SENT or found.error


@given(st.integers(400, 599))
def test_of_failures_those_are_refused_that_neither_pass_nor_are_the_configuration_s(status: int) -> None:
    found = of_http("logs", 5, status, now=0.0)
    final = not should_retry(status_code=status) and status not in outcome.ADVICE
    assert (found.verdict == REFUSED) == final


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=20))
def test_partial_successes_are_read_as_they_are_written(rejected: int, message: str) -> None:
    body = ExportLogsServiceResponse()
    body.partial_success.rejected_log_records, body.partial_success.error_message = rejected, message
    found = of_http(
        "logs", 100, 200, now=0.0, headers={"content-type": "application/x-protobuf"}, body=body.SerializeToString()
    )
    assert (found.rejected, found.error) == (min(max(rejected, 0), 100), " ".join(message.split()))


@given(st.binary(max_size=40))
def test_metadata_of_any_content_is_no_failure(value: bytes) -> None:
    for key in ("google.rpc.retryinfo-bin", "grpc-status-details-bin"):
        assert (retry_delay([(key, value)]) or 0) >= 0


@pytest.mark.parametrize("delay", [-5.0, 0.0, 5.0, 1e12])
def test_a_delay_over_grpc_is_bounded(delay: float) -> None:
    assert 0 <= (of_grpc("UNAVAILABLE", "", delay).retry_after or 0) <= outcome.MAX_RETRY_AFTER


def test_of_exceptions_in_exceptions_the_first_is_told() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "refused")
        except ConnectionRefusedError as error:
            raise RuntimeError("http://localhost/?key=secret", error) from error
    except RuntimeError as error:
        assert told(error) == "ConnectionRefusedError: [Errno 111] refused"


def test_an_exception_that_cannot_be_told_is_named() -> None:
    error = ValueError("around and around")
    error.args = (error,)
    with pytest.raises(RecursionError):
        str(error)
    assert told(error) == "ValueError"


def test_of_headers_that_cannot_be_sent_no_value_is_told() -> None:
    assert told(requests.exceptions.InvalidHeader("(' SECRET123') must not begin with a blank")) == "InvalidHeader"
