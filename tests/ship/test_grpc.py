"""One attempt over gRPC, to a receiver that fails on command."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

import faulty_grpc as faults
from faulty_grpc import GrpcReceiver, grpc_receiver
from shipping import metrics, numbered, spans
from tidegate.ship import should_retry
from tidegate.ship.destinations import Destination, OtlpDestination, destination
from tidegate.ship.outcome import REFUSED, RETRY, SENT
from tidegate.ship.sender import Sender


@pytest.fixture
def receiver() -> Iterator[GrpcReceiver]:
    with grpc_receiver() as receiver:
        yield receiver


@pytest.fixture
def there(receiver: GrpcReceiver) -> Iterator[Destination]:
    made = destination("spans-otlp", "spans", OTLPSpanExporter(endpoint=receiver.endpoint))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("signal", "exporter", "records"),
    [
        ("spans", OTLPSpanExporter, lambda: spans(["a", "b"])),
        ("logs", OTLPLogExporter, lambda: numbered(2)),
        ("metrics", OTLPMetricExporter, lambda: metrics(2)),
    ],
)
def test_records_arrive_as_bytes_made_from_columns(
    receiver: GrpcReceiver, signal: str, exporter: Any, records: Any
) -> None:
    there = destination(f"{signal}-otlp", signal, exporter(endpoint=receiver.endpoint))
    outcome = there.send(records())
    there.close()
    assert type(there) is OtlpDestination
    assert (outcome.verdict, outcome.accepted, len(getattr(receiver, signal))) == (SENT, 2, 2)


def test_the_exporter_s_headers_are_sent(receiver: GrpcReceiver) -> None:
    there = destination("spans-otlp", "spans", OTLPSpanExporter(endpoint=receiver.endpoint, headers={"token": "x"}))
    there.send(spans(["a"]))
    there.close()
    assert receiver.calls[0][1]["token"] == "x"


def test_the_endpoint_is_told(receiver: GrpcReceiver, there: Destination) -> None:
    assert there.endpoint == receiver.endpoint


@pytest.mark.parametrize(
    "code",
    [
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS",
    ],
)
def test_codes_that_may_pass(receiver: GrpcReceiver, there: Destination, code: str) -> None:
    receiver.behave(faults.abort(code, "busy"))
    outcome = there.send(spans(["a"]))
    assert (outcome.verdict, outcome.status, outcome.error, len(receiver.calls)) == (RETRY, code, f"{code}: busy", 1)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL", "UNKNOWN"])
def test_codes_that_refuse_for_good(receiver: GrpcReceiver, there: Destination, code: str) -> None:
    receiver.behave(faults.abort(code))
    assert there.send(spans(["a"])).verdict == REFUSED


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"])
def test_a_fault_of_the_configuration_loses_nothing(receiver: GrpcReceiver, there: Destination, code: str) -> None:
    receiver.behave(faults.abort(code))
    outcome = there.send(spans(["a"]))
    assert (outcome.verdict, "check OTEL_EXPORTER_OTLP" in outcome.advice) == (RETRY, True)


def test_a_message_that_is_too_large_is_refused_so_that_it_is_halved(
    receiver: GrpcReceiver, there: Destination
) -> None:
    receiver.behave(faults.abort("RESOURCE_EXHAUSTED", "Received message larger than max (5 vs. 4)"))
    assert there.send(spans(["a"])).verdict == REFUSED


# these have no types
any_pb2: Any = import_module("google.protobuf.any_pb2")
duration_pb2: Any = import_module("google.protobuf.duration_pb2")
error_details_pb2: Any = import_module("google.rpc.error_details_pb2")
status_pb2: Any = import_module("google.rpc.status_pb2")

RETRY_INFO = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=5, nanos=500_000_000))


def packed(message: Any) -> Any:
    made = any_pb2.Any()
    made.Pack(message)
    return made


IN_STATUS = status_pb2.Status(code=8, details=[packed(error_details_pb2.DebugInfo()), packed(RETRY_INFO)])


@pytest.mark.parametrize(
    "metadata",
    [
        ("google.rpc.retryinfo-bin", RETRY_INFO.SerializeToString()),
        ("grpc-status-details-bin", IN_STATUS.SerializeToString()),
    ],
    ids=["alone", "in-status"],
)
@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_retry_info_is_read(receiver: GrpcReceiver, there: Destination, code: str, metadata: tuple[str, bytes]) -> None:
    receiver.behave(faults.abort(code, "busy", metadata))
    assert there.send(spans(["a"])).retry_after == 5.5


def test_retry_info_that_is_none_says_nothing(receiver: GrpcReceiver, there: Destination) -> None:
    receiver.behave(faults.abort("UNAVAILABLE", "busy", ("grpc-status-details-bin", b"\xff\xff")))
    assert there.send(spans(["a"])).retry_after is None


def test_a_partial_success_is_counted(receiver: GrpcReceiver, there: Destination) -> None:
    receiver.behave(faults.partial_success(1, "too old"))
    outcome = there.send(spans(["a", "b"]))
    assert (outcome.accepted, outcome.rejected, outcome.error) == (1, 1, "too old")


def test_a_receiver_that_does_not_answer_in_time_may_do_so_later(receiver: GrpcReceiver, there: Destination) -> None:
    receiver.hang()
    outcome = there.send(spans(["a"]), timeout=0.3)
    assert (outcome.verdict, outcome.status) == (RETRY, "DEADLINE_EXCEEDED")


def test_after_a_failure_to_connect_the_next_attempt_connects_anew() -> None:
    with grpc_receiver() as first:
        there = destination("spans-otlp", "spans", OTLPSpanExporter(endpoint=first.endpoint))
        there.send(spans(["a"]))
        port = int(first.endpoint.rpartition(":")[2])
    assert there.send(spans(["b"])).status == "UNAVAILABLE"
    with grpc_receiver(port) as second:
        assert there.send(spans(["c"])).verdict == SENT
        there.close()
        assert second.span_names == {"c"}


def test_what_a_call_raises_that_nobody_takes_may_be_tried_again(free_port: int) -> None:
    grpc: Any = import_module("grpc")
    with grpc.insecure_channel(f"127.0.0.1:{free_port}") as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/a/b")(b"", timeout=10)
    assert should_retry(caught.value)


def test_one_offending_record_is_found(receiver: GrpcReceiver, there: Destination) -> None:
    receiver.behave(faults.refuse_marked(b"name 5"))
    sender = Sender(there)
    result = sender.send(spans(f"name {number}" for number in range(9)))
    assert (result.sent, sender.refused) == (8, {"INVALID_ARGUMENT": 1})


@pytest.mark.parametrize("value", ["SECRET123\n", "SECRET123\N{SNOWMAN}"], ids=repr)
def test_metadata_that_cannot_be_sent_loses_nothing_and_is_not_told(receiver: GrpcReceiver, value: str) -> None:
    exporter = OTLPSpanExporter(endpoint=receiver.endpoint, headers={"token": value})
    there = destination("spans-otlp", "spans", exporter)
    outcome = there.send(spans(["a"]))
    there.close()
    assert (outcome.verdict, "OTEL_EXPORTER_OTLP_HEADERS" in outcome.advice) == (RETRY, True)
    assert "SECRET" not in str(outcome)


def test_a_status_that_repeats_the_token_is_told_without(receiver: GrpcReceiver) -> None:
    receiver.behave(faults.abort("UNAUTHENTICATED", "no entry: SECRET123"))
    exporter = OTLPSpanExporter(endpoint=receiver.endpoint, headers={"authorization": "Bearer SECRET123"})
    there = destination("spans-otlp", "spans", exporter)
    error = there.send(spans(["a"])).error
    there.close()
    assert error == "UNAUTHENTICATED: no entry: *********"
