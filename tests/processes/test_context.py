"""The log context between two real services, and the console of a server with several workers."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from live_server import APPS, live_server, quiet_environ
from recorded import Recorded, read
from tidegate.records import AttributeMap

Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.servers

COMMAND = "opentelemetry-instrument uvicorn context_services:app --port PORT"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the services run."""
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def printed(directory: Path) -> list[str]:
    """What the service in front prints, of which one request asks the other one."""
    shutil.copytree(APPS, directory, dirs_exist_ok=True)
    given = {"OTEL_PYTHON_TIDEGATE_BAGGAGE": "tenant"}
    back_environ = quiet_environ(directory, OTEL_SERVICE_NAME="back", **given)
    with live_server(COMMAND.split(), directory, back_environ) as back:
        address = f"http://127.0.0.1:{back.port}"
        given |= {"OTEL_SERVICE_NAME": "front", "OTEL_PYTHON_TIDEGATE_CONSOLE": "text", "BACK": address}
        command = [*COMMAND.split(), "--workers", "2"]
        with live_server(command, directory, quiet_environ(directory, **given)) as front:
            assert front.get("/front?tenant=acme").json() == "done"
            front.end(signal.SIGTERM)
        back.end(signal.SIGTERM)
    return front.output.read_text().splitlines()


@pytest.fixture(scope="module")
def seen(directory: Path, printed: list[str]) -> Recorded:
    return read(directory / "store")


def own(attributes: AttributeMap) -> AttributeMap:
    return {name: attributes[name] for name in ("tenant", "inside") if name in attributes}


def test_what_a_middleware_sets_is_on_the_records_of_the_endpoint(seen: Recorded) -> None:
    said = {log.body or log.event_name: own(log.attributes) for log in seen.logs if log.service == "front"}
    assert (said["front"], said["order.placed"]) == ({"tenant": "acme", "inside": "stays"},) * 2


def test_what_a_middleware_sets_is_on_spans_that_start_below(seen: Recorded) -> None:
    [client] = [span for span in seen.spans if span.kind == "CLIENT"]
    assert own(client.attributes) == {"tenant": "acme", "inside": "stays"}


def test_what_is_opted_in_crosses_to_the_spans_of_another_service(seen: Recorded) -> None:
    [server] = [span for span in seen.server_spans if span.service == "back"]
    assert own(server.attributes) == {"tenant": "acme"}


def test_what_is_opted_in_crosses_to_the_log_records_of_another_service(seen: Recorded) -> None:
    [log] = [log for log in seen.logs if log.body == "back"]
    assert own(log.attributes) == {"tenant": "acme"}


@pytest.mark.parametrize("what", ["SPAN      GET /front  200  OK  ", "context_services  order.placed", "shop  front  "])
def test_the_console_shows_everything_once(printed: list[str], what: str) -> None:
    assert sum(what in line for line in printed) == 1, printed


def test_the_server_prints_what_it_always_does(printed: list[str]) -> None:
    assert sum('"GET /front?tenant=acme HTTP/1.1" 200 OK' in line for line in printed) == 1


def test_exporters_of_somebody_elses_providers_have_it(run: Run, program: Callable[[str], Path]) -> None:
    path = program("""
        from opentelemetry._logs import set_logger_provider
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
        import logging, tidegate
        provider, exporter = LoggerProvider(), InMemoryLogRecordExporter()
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        set_logger_provider(provider)
        handle = tidegate.configure_observability(instrument=False, context_provider=lambda: {"region": "eu"})
        with tidegate.log_context(tenant="acme"):
            logging.getLogger("app").error("no")
        handle.flush()
        [sent] = exporter.get_finished_logs()
        print(sent.log_record.attributes["tenant"], sent.log_record.attributes["region"])
    """)
    assert run([sys.executable, path]).stdout == "acme eu\n"


def test_a_provider_of_context_can_be_named_by_its_place(instrument: Run, recorded: Callable[[], Recorded]) -> None:
    instrument(
        """
        import logging
        def region():
            return {"region": "eu"}
        logging.getLogger("app").error("no")
        """,
        env={"OTEL_PYTHON_TIDEGATE_CONTEXT_PROVIDER": "__main__:region"},
    )
    assert [log.attributes["region"] for log in recorded().logs] == ["eu"]
