"""One attempt over a real connection, to a receiver that fails on command."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression

import faulty_receiver as faults
from faulty_receiver import FaultyReceiver, faulty_receiver
from shipping import logs, metrics, numbered, otlp, spans
from tidegate.ship.destinations import Destination
from tidegate.ship.outcome import REFUSED, RETRY, SENT, Outcome
from tidegate.ship.transport import without_secrets

#: Longest time in seconds that a request may take in these tests where it is to take all of it.
SHORT = 0.3


@pytest.fixture(scope="module")
def listening() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(listening: FaultyReceiver) -> FaultyReceiver:
    """A healthy one that has received nothing."""
    listening.forget()
    return listening


@pytest.fixture
def there(receiver: FaultyReceiver) -> Iterator[Destination]:
    made = otlp(receiver.endpoint)
    yield made
    made.close()


SIGNALS = {"spans": lambda: spans(["a", "b"]), "logs": lambda: numbered(2), "metrics": lambda: metrics(2)}


@pytest.mark.parametrize("signal", SIGNALS)
def test_records_arrive(receiver: FaultyReceiver, signal: str) -> None:
    there = otlp(receiver.endpoint, signal)
    outcome = there.send(SIGNALS[signal]())
    there.close()
    assert (outcome.verdict, outcome.accepted, len(getattr(receiver, signal))) == (SENT, 2, 2)


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.Deflate, Compression.NoCompression])
def test_requests_are_compressed_as_the_exporter_is_told(receiver: FaultyReceiver, compression: Compression) -> None:
    there = otlp(receiver.endpoint, compression=compression)
    there.send(numbered(3))
    there.close()
    expected = None if compression is Compression.NoCompression else compression.value
    assert (receiver.requests[0].headers.get("content-encoding"), len(receiver.logs)) == (expected, 3)


def test_the_exporter_s_headers_are_sent(receiver: FaultyReceiver) -> None:
    there = otlp(receiver.endpoint, headers={"Authorization": "Bearer token"})
    there.send(numbered(1))
    there.close()
    sent = receiver.requests[0].headers
    assert (sent["authorization"], sent["content-type"]) == ("Bearer token", "application/x-protobuf")


def test_one_connection_serves_many_requests(receiver: FaultyReceiver, there: Destination) -> None:
    before = len(receiver.connections)
    for _ in range(3):
        there.send(numbered(1))
    assert len(receiver.connections) - before == 1


def test_a_connection_that_the_receiver_has_closed_meanwhile_is_no_failure(
    receiver: FaultyReceiver, there: Destination, wait_for: Callable[..., None]
) -> None:
    before = receiver.closed
    receiver.next(faults.answer_and_close())
    there.send(numbered(1))
    wait_for(lambda: receiver.closed > before)
    assert there.send(numbered(1)).verdict == SENT


def test_a_failing_request_is_made_once(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(503))
    there.send(numbered(1))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_statuses_that_may_pass(receiver: FaultyReceiver, there: Destination, code: int) -> None:
    receiver.behave(faults.status(code))
    outcome = there.send(numbered(1))
    assert (outcome.verdict, outcome.status, outcome.advice) == (RETRY, code, "")


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_in_seconds_is_read(receiver: FaultyReceiver, there: Destination, code: int) -> None:
    receiver.behave(faults.status(code, retry_after="7"))
    assert there.send(numbered(1)).retry_after == 7


def test_retry_after_as_a_date_is_read(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(429, retry_after=formatdate(time.time() + 100, usegmt=True)))
    assert 50 < (there.send(numbered(1)).retry_after or 0) <= 100


def test_retry_after_is_bounded(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(429, retry_after="999999999"))
    assert there.send(numbered(1)).retry_after == 3600


@pytest.mark.parametrize("code", [400, 413, 422])
def test_statuses_that_refuse_for_good(receiver: FaultyReceiver, there: Destination, code: int) -> None:
    receiver.behave(faults.status(code))
    outcome = there.send(numbered(1))
    assert (outcome.verdict, outcome.status) == (REFUSED, code)


@pytest.mark.parametrize(
    ("code", "check"),
    [
        (401, "OTEL_EXPORTER_OTLP_HEADERS"),
        (403, "OTEL_EXPORTER_OTLP_HEADERS"),
        (404, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (405, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (415, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (302, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_a_fault_of_the_configuration_loses_nothing_and_says_what_to_check(
    receiver: FaultyReceiver, there: Destination, code: int, check: str
) -> None:
    receiver.behave(faults.status(code))
    outcome = there.send(numbered(1))
    assert (outcome.verdict, check in outcome.advice) == (RETRY, True)


def test_a_web_page_is_not_taken_for_a_receiver(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(200, b"\n<!DOCTYPE html><title>Log in</title>", content_type="text/html; charset=x"))
    outcome = there.send(numbered(1))
    assert (outcome.verdict, "a web page answered" in outcome.advice) == (RETRY, True)


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json", "application/x-protobuf", ""])
def test_a_success_in_another_form_is_a_success(receiver: FaultyReceiver, there: Destination, kind: str) -> None:
    receiver.behave(faults.status(200, b"OK", content_type=kind))
    assert there.send(numbered(1)).verdict == SENT


def test_a_success_without_content_is_a_success(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(204))
    assert there.send(numbered(1)).verdict == SENT


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("partial", [faults.partial_success, faults.partial_success_in_json])
def test_a_partial_success_is_counted(receiver: FaultyReceiver, signal: str, partial: Any) -> None:
    receiver.behave(partial(1, "too old"))
    there = otlp(receiver.endpoint, signal)
    outcome = there.send(SIGNALS[signal]())
    there.close()
    assert (outcome.verdict, outcome.accepted, outcome.rejected, outcome.error) == (SENT, 1, 1, "too old")


def test_no_more_can_be_rejected_than_was_sent(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.partial_success(10**6))
    outcome = there.send(numbered(2))
    assert (outcome.accepted, outcome.rejected) == (0, 2)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\x08\x03\x12\x06marked", "application/x-protobuf"),
        (b'{"code": 3, "message": "marked"}', "application/json"),
        (b"marked", "text/plain"),
        (b"marked", "application/x-protobuf"),
    ],
)
def test_what_the_receiver_says_is_told(receiver: FaultyReceiver, there: Destination, body: bytes, kind: str) -> None:
    receiver.behave(faults.status(400, body, content_type=kind))
    assert there.send(numbered(1)).error == "400 marked"


def test_a_long_answer_is_told_in_short(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.behave(faults.status(500, b"no " * 100_000, content_type="text/plain"))
    assert len(there.send(numbered(1)).error) == 300


# --- connections


def test_a_refused_connection_may_pass(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.stop()
    outcome = there.send(numbered(1))
    receiver.resume()
    assert (outcome.verdict, outcome.error) == (RETRY, "ConnectionRefusedError: [Errno 111] Connection refused")
    assert there.send(numbered(1)).verdict == SENT


def test_a_reset_amid_the_request_may_pass(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.next(faults.reset())
    assert there.send(logs(["long " * 200_000])).verdict == RETRY
    assert there.send(numbered(1)).verdict == SENT


def test_a_reset_amid_an_answer_of_success_is_a_success(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.next(faults.reset_in_answer())
    assert there.send(numbered(1)).verdict == SENT


def test_a_reset_amid_an_answer_of_refusal_is_a_refusal(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.next(faults.reset_in_answer(400))
    assert there.send(numbered(1)).verdict == REFUSED


@pytest.mark.parametrize("fault", [faults.hang(), faults.slow(30)], ids=["hanging", "slow"])
def test_a_receiver_that_does_not_answer_in_time_may_do_so_later(receiver: FaultyReceiver, fault: Any) -> None:
    receiver.next(fault)
    there = otlp(receiver.endpoint, timeout=SHORT)
    outcome = there.send(numbered(1))
    there.close()
    assert (outcome.verdict, outcome.error) == (RETRY, "TimeoutError: timed out")


def test_a_shorter_timeout_holds(receiver: FaultyReceiver, there: Destination) -> None:
    receiver.next(faults.hang())
    assert (there.timeout, there.send(numbered(1), timeout=SHORT).error) == (10, "TimeoutError: timed out")


@pytest.mark.parametrize("fault", [faults.hang_in_answer(), faults.drip(0.05)], ids=["hanging", "dripping"])
def test_an_answer_that_does_not_end_is_not_waited_for(
    receiver: FaultyReceiver, there: Destination, fault: Any
) -> None:
    receiver.next(fault)
    assert there.send(numbered(1), timeout=SHORT).verdict == SENT


@pytest.mark.parametrize(("given", "seconds"), [(5, 5), (0, 10), (10_000, 60)], ids=str)
def test_a_timeout_that_makes_no_sense_is_one_that_does(receiver: FaultyReceiver, given: float, seconds: float) -> None:
    there = otlp(receiver.endpoint, timeout=given)
    there.close()
    assert there.timeout == seconds


def test_an_address_that_no_request_can_be_made_to_loses_nothing(receiver: FaultyReceiver) -> None:
    there = otlp("localhost:4318")
    outcome = there.send(numbered(1))
    there.close()
    assert (outcome.verdict, "OTEL_EXPORTER_OTLP_ENDPOINT" in outcome.advice) == (RETRY, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's own, with its key."""
    directory = tmp_path_factory.mktemp("certificate")
    path, key = directory / "own.pem", directory / "key.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", key, "-out", path], check=True, capture_output=True, timeout=60)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


@pytest.fixture(scope="module")
def trusted(certificate: Path) -> Iterator[FaultyReceiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with faulty_receiver(context) as receiver:
        yield receiver


def send_one(endpoint: str, **options: Any) -> Outcome:
    there = otlp(endpoint, **options)
    outcome = there.send(numbered(1))
    there.close()
    return outcome


def test_the_exporter_s_certificate_is_trusted_whatever_the_environment_says_to_requests(
    trusted: FaultyReceiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Path(__file__)))
    assert send_one(trusted.endpoint, certificate_file=str(certificate)).verdict == SENT


def test_a_certificate_that_nobody_vouches_for_loses_nothing(
    trusted: FaultyReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = send_one(trusted.endpoint)
    assert (outcome.verdict, "check OTEL_EXPORTER_OTLP_CERTIFICATE" in outcome.advice) == (RETRY, True)


def test_tls_to_a_receiver_that_speaks_none_loses_nothing(receiver: FaultyReceiver) -> None:
    outcome = send_one(receiver.endpoint.replace("http:", "https:"))
    assert (outcome.verdict, "speaks no TLS" in outcome.advice) == (RETRY, True)


def test_addresses_are_told_without_secrets() -> None:
    url = "https://user:password@example.com:4318/v1/traces?api_key=secret#fragment"
    assert without_secrets(url) == "https://example.com:4318/v1/traces"


@pytest.mark.parametrize("url", ["http://[bad", "ftps://user:password@example.com/x?key=secret"])
def test_failures_are_told_without_secrets(url: str) -> None:
    there = otlp(url)
    outcome = there.send(numbered(1))
    there.close()
    assert [word for word in ("password", "secret") if word in f"{outcome} {there.describe()}"] == []


@pytest.mark.parametrize("value", [" SECRET123", "SECRET123\nx", b"\nSECRET123", "SECRET123\N{SNOWMAN}"], ids=repr)
def test_a_header_that_cannot_be_sent_loses_nothing_and_is_not_told(receiver: FaultyReceiver, value: Any) -> None:
    outcome = send_one(receiver.endpoint, headers={"api-key": value})
    assert (outcome.verdict, "OTEL_EXPORTER_OTLP_HEADERS" in outcome.advice) == (RETRY, True)
    assert "SECRET" not in str(outcome)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\x08\x03\x12\x11no entry: SECRET12", "application/x-protobuf"),
        (b'{"code": 3, "message": "no entry: SECRET12"}', "application/json"),
        (b"no entry: SECRET12", "text/plain"),
        (b"no entry: " + 280 * b"x" + b"SECRET12", "text/plain"),
    ],
    ids=["protobuf", "json", "text", "cut"],
)
def test_an_answer_that_repeats_the_token_is_told_without(receiver: FaultyReceiver, body: bytes, kind: str) -> None:
    receiver.behave(faults.status(401, body, content_type=kind))
    error = send_one(receiver.endpoint, headers={"authorization": "Bearer SECRET12"}).error
    assert error.startswith("401 no entry: ")
    assert "SEC" not in error


def test_a_forked_child_opens_a_connection_of_its_own(
    receiver: FaultyReceiver, run: Callable[..., Any], program: Callable[[str], Path], root: Path
) -> None:
    source = """
        import os, sys
        from shipping import numbered, otlp

        there, picked = otlp(sys.argv[1]), numbered(1)
        assert there.send(picked).accepted
        child = os.fork()
        assert there.send(picked).accepted
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """
    before = len(receiver.connections)
    run([sys.executable, program(source), receiver.endpoint], env={"PYTHONPATH": str(root / "tests")})
    assert (len(receiver.connections) - before, len(receiver.logs)) == (2, 3)
