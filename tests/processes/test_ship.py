"""`tidegate ship`: a process that sends for others, goes before them, and gives back what it took."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from otlp_receiver import OtlpReceiver
from tidegate.ship.election import Election
from tidegate.ship.status import RouteStatus, status

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
Wait = Callable[..., None]

PROGRAM = """
from opentelemetry import trace
for number in range(50):
    trace.get_tracer("test").start_span(f"span {number}").end()
"""

#: Spans, one every 20 ms, until it is told to end.
SERVICE = """
import itertools, time
from opentelemetry import trace
for number in itertools.count():
    trace.get_tracer("test").start_span(f"span {number}").end()
    time.sleep(0.02)
"""

SENDING = {"OTEL_PYTHON_TIDEGATE_SEND": "all", "OTEL_METRICS_EXPORTER": "none"}


@pytest.fixture
def environ(environ: dict[str, str], receiver: OtlpReceiver) -> dict[str, str]:
    """All that is recorded is to be sent, and the end of a program waits for nothing."""
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
    return {**environ, **SENDING, "OTEL_PYTHON_TIDEGATE_EXIT_GRACE": "0"}


@pytest.fixture
def led(store_dir: Path) -> Callable[[], RouteStatus | None]:
    """The only route of the store, while somebody leads it."""

    def led() -> RouteStatus | None:
        found = [each for each in status(str(store_dir)) if each.led]
        return found[0] if found else None

    return led


@pytest.fixture
def recorded_only(instrument: Run, receiver: OtlpReceiver, store_dir: Path) -> None:
    """Spans of a program that could not send them, since somebody else had the lead, and did nothing."""
    instrument(PROGRAM, env={"OTEL_PYTHON_TIDEGATE_EXIT_GRACE": "10"})
    assert len(receiver.spans) == 50
    receiver.spans.clear()
    [route] = (store_dir / "routes").iterdir()
    election = Election(str(route), standalone=True)
    leadership = election.try_lead()
    assert leadership is not None
    instrument(PROGRAM)
    leadership.release()
    election.close()
    assert receiver.spans == []


@pytest.mark.usefixtures("recorded_only")
def test_what_a_program_has_left_is_sent_exactly_once(run: Run, receiver: OtlpReceiver) -> None:
    assert run(["tidegate", "ship", "--once"]).stderr == "Sent 50 spans.\n"
    assert sorted(span.name for span in receiver.spans) == sorted(f"span {number}" for number in range(50))
    assert run(["tidegate", "ship", "--once"]).stderr == "Nothing was left to send.\n"
    assert len(receiver.spans) == 50


def test_what_cannot_be_sent_is_said_by_status_1(instrument: Run, run: Run, free_port: int) -> None:
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}"}
    instrument(PROGRAM, env=away)
    done = run(["tidegate", "ship", "--once"], env=away, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Not everything could be sent: spans-otlp: ")


def test_who_would_send_otherwise_is_told_how_the_programs_do(
    instrument: Run, run: Run, receiver: OtlpReceiver
) -> None:
    instrument(PROGRAM, env={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2"})
    done = run(["tidegate", "ship"], env={"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter3"}, check=False)
    assert done.returncode == 2
    assert f" to {receiver.endpoint} (it differs in: headers). Give this command" in done.stderr
    assert "hunter" not in done.stderr


def test_another_token_is_another_route_though_nothing_tells_them_apart(instrument: Run, run: Run) -> None:
    instrument(PROGRAM, env={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2"})
    other = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter3"}
    done = run(["tidegate", "ship"], env=other, check=False)
    assert "(it differs in: the value of a variable or a header)" in done.stderr


FILE = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: %s/v1/traces
            headers:
              - name: api-key
                value: ${TENANT_KEY}
"""


def test_of_one_file_two_keys_are_two_routes_and_the_same_key_is_the_program_s(
    instrument: Run, run: Run, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    (path := tmp_path / "otel.yaml").write_text(FILE % receiver.endpoint)
    mine, other = ({"OTEL_CONFIG_FILE": str(path), "TENANT_KEY": key} for key in ("hunter2", "hunter3"))
    instrument(PROGRAM, env=mine)
    assert run(["tidegate", "ship", "--once"], env=other, check=False).returncode == 2
    assert run(["tidegate", "ship", "--once"], env=mine).returncode == 0


def test_without_anywhere_to_send_to_there_is_nothing_to_do(run: Run) -> None:
    done = run(["tidegate", "ship"], env={"OTEL_EXPORTER_OTLP_ENDPOINT": None}, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: there is nowhere to send to: no exporter is configured here.")


def test_where_nobody_has_recorded_there_is_nothing_to_send(run: Run, store_dir: Path) -> None:
    done = run(["tidegate", "ship", "--once"])
    assert done.returncode == 0
    assert done.stderr.startswith(f"There is nothing to send in {store_dir}")


def test_it_leads_before_a_program_that_gives_up_and_leads_again_when_it_is_killed(
    program: Callable[..., Path],
    start: Start,
    wait_for: Wait,
    led: Callable[[], RouteStatus | None],
    receiver: OtlpReceiver,
) -> None:
    start(["opentelemetry-instrument", "python", program(SERVICE)])
    wait_for(lambda: (route := led()) and not route.state.standalone and route.told)
    shipper = start(["tidegate", "ship"])
    wait_for(lambda: (route := led()) and route.state.standalone)
    shipper.send_signal(signal.SIGKILL)
    shipper.wait()
    wait_for(lambda: (route := led()) and not route.state.standalone)
    arrived = len(receiver.spans)
    wait_for(lambda: len(receiver.spans) > arrived)
    numbers = {int(span.name.split()[1]) for span in list(receiver.spans)}
    assert numbers == set(range(max(numbers) + 1))


@pytest.mark.usefixtures("recorded_only")
def test_it_ends_with_status_0_when_it_is_told_to(
    start: Start, wait_for: Wait, led: Callable[[], RouteStatus | None], receiver: OtlpReceiver
) -> None:
    shipper = start(["tidegate", "ship"])
    wait_for(lambda: len(receiver.spans) == 50)
    shipper.send_signal(signal.SIGTERM)
    assert shipper.wait(20) == 0
    assert led() is None
