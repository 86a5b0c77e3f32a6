"""``tidegate replay`` of a store that a real program recorded, to a receiver that may fail on command."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE
from faulty_grpc import grpc_receiver
from faulty_receiver import FaultyReceiver, faulty_receiver, hang, refuse_marked, status

Tidegate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def listening() -> Iterator[FaultyReceiver]:
    with faulty_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(listening: FaultyReceiver) -> FaultyReceiver:
    listening.forget()
    return listening


def refused(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert (done.returncode, done.stdout) == (code, "")
    for part in parts:
        assert part in done.stderr


def test_everything_is_sent_and_counted(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    done = tidegate("replay", "--to", receiver.endpoint)
    assert (len(receiver.spans), len(receiver.logs), len(receiver.metrics)) == (6, 7, 2)
    assert (done.stdout, done.stderr) == (
        "", f"Sent 6 spans, 7 log records, 2 metric points to {receiver.endpoint}.\n"
    )  # fmt: skip


def test_records_go_out_oldest_first(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    tidegate("replay", "--to", receiver.endpoint, "--signal", "logs")
    times = [log.observed_time_unix_nano for log in receiver.logs]
    assert times == sorted(times)


def test_filters_are_those_of_the_other_commands(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    tidegate("replay", "--to", receiver.endpoint, "--where", "order.id=1", "--signal", "spans")
    assert [span.name for span in receiver.spans] == ["POST /orders"]
    trace = receiver.spans[0].trace_id.hex()
    receiver.forget()
    tidegate("replay", "--to", receiver.endpoint, "--trace", trace)
    assert (len(receiver.spans), len(receiver.logs), len(receiver.metrics)) == (2, 3, 0)


def test_metric_points_with_the_same_attribute_are_sent_only_when_asked_for(
    tidegate: Tidegate, receiver: FaultyReceiver
) -> None:
    tidegate("replay", "--to", receiver.endpoint, "--where", "order.id!=1")
    assert (bool(receiver.spans), len(receiver.metrics)) == (True, 0)
    tidegate("replay", "--to", receiver.endpoint, "--where", "order.id!=1", "--signal", "metrics")
    assert len(receiver.metrics) == 2


def test_what_does_not_match_is_no_request(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    done = tidegate("replay", "--to", receiver.endpoint, "--until", "2000-01-01")
    assert (done.stderr, receiver.requests) == ("There is nothing to send: no record matches.\n", [])


def test_a_dry_run_counts_and_sends_nothing(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    done = tidegate("replay", "--to", receiver.endpoint, "--dry-run")
    found = re.fullmatch(
        r"To send: 6 spans, 7 log records, 2 metric points, ([\d,]+) bytes of OTLP in protobuf before compression\.\n",
        done.stderr,
    )
    assert found is not None
    assert receiver.requests == []
    tidegate("replay", "--to", receiver.endpoint)
    assert int(found[1].replace(",", "")) == sum(len(request.body) for request in receiver.requests)


def test_a_dry_run_needs_no_receiver(tidegate: Tidegate) -> None:
    assert "To send: 6 spans" in tidegate("replay", "--dry-run").stderr
    assert (
        tidegate("replay", "--dry-run", "--until", "2000-01-01").stderr
        == "There is nothing to send: no record matches.\n"
    )


def test_headers_are_sent_along(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    tidegate("replay", "--to", receiver.endpoint, "--header", "X-Token=a=b", "--signal", "logs")
    assert [request.headers["x-token"] for request in receiver.requests] == ["a=b"]


def test_json_is_sent_where_it_is_asked_for(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    tidegate("replay", "--to", receiver.endpoint, "--protocol", "http/json", "--signal", "spans")
    assert [request.headers["content-type"] for request in receiver.requests] == ["application/json"]
    assert b'"POST /orders"' in receiver.requests[0].body


def test_grpc_is_spoken_where_it_is_asked_for(tidegate: Tidegate) -> None:
    with grpc_receiver() as receiver:
        tidegate("replay", "--to", receiver.endpoint, "--protocol", "grpc")
        assert (len(receiver.spans), len(receiver.logs), len(receiver.metrics)) == (6, 7, 2)


def test_a_receiver_that_is_not_there_is_told_of_at_once(tidegate: Tidegate, free_port: int) -> None:
    done = tidegate("replay", "--to", f"http://127.0.0.1:{free_port}", check=False)
    refused(done, 1, "Sent nothing to ", "takes nothing: ", "Connection refused")


def test_a_receiver_that_wants_credentials_is_told_of_with_what_to_check(
    tidegate: Tidegate, receiver: FaultyReceiver
) -> None:
    receiver.behave(status(401))
    done = tidegate("replay", "--to", receiver.endpoint, check=False)
    refused(done, 1, "Sent nothing to ", "401", "check OTEL_EXPORTER_OTLP_HEADERS")


def test_what_was_sent_before_a_failure_for_good_is_told(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    receiver.behave(lambda request: (status(403) if request.path == "/v1/logs" else status(200))(request))
    done = tidegate("replay", "--to", receiver.endpoint, check=False)
    refused(done, 1, "Sent 6 spans to ", "does not take more: 403")


def test_records_that_are_refused_are_counted_and_the_others_sent(tidegate: Tidegate, receiver: FaultyReceiver) -> None:
    receiver.behave(refuse_marked(b"charging failed"))
    done = tidegate("replay", "--to", receiver.endpoint, "--signal", "logs", check=False)
    refused(done, 1, "Sent 6 log records to ", "refused 1 by 400")
    assert len(receiver.logs) == 6


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_replay_tells_what_was_sent(
    receiver: FaultyReceiver, start: Any, wait_for: Any, recorded: str, tmp_path: Path, number: int, code: int
) -> None:
    receiver.behave(lambda request: (hang() if request.path == "/v1/logs" else status(200))(request))
    process = start([TIDEGATE, "replay", recorded, "--to", receiver.endpoint])
    wait_for(lambda: len(receiver.requests) == 2)
    process.send_signal(number)
    assert process.wait(30) == code
    assert (tmp_path / "output-0.txt").read_text().startswith("Interrupted; sent 6 spans to ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "localhost:4318"], "received 'localhost:4318'; it must be a URL"),
        (["--to", "http://"], "it must be a URL"),
        (["--to", "http://localhost", "--header", "secret"], "it must be NAME=VALUE"),
        ([], "name a receiver with --to, or count what there is with --dry-run"),
        (["--to", "http://localhost", "http://localhost:9"], "this is about a directory"),
        (["--to", "http://localhost", "--signal", "metrics", "--trace", "abcd"], "metric points are of no trace"),
    ],
)
def test_wrong_arguments_are_explained(tidegate: Tidegate, arguments: list[str], message: str) -> None:
    done = tidegate("replay", *arguments, check=False)
    refused(done, 2, message)
    assert "secret" not in done.stderr
