"""What applications call really records: counters of two processes add up, log calls are in the store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from recorded import Recorded
from served import TOKEN, served

pytestmark = pytest.mark.servers

#: Counts and times as often as it is told, and logs in a trace.
WORKER = """
import logging
import sys

import tidegate
from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LogRecordProcessor


class Talkative(LogRecordProcessor):
    def on_emit(self, log_record):
        logging.info("a processor at work")
        tidegate.info("a processor at work")
        if log_record.log_record.body == "import of prices started":
            logging.error("last words")

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=30000):
        return True


tidegate.counter("shop.orders", channel="web")  # nothing is configured yet
times = int(sys.argv[1])
with tidegate.configure_observability(service_name="shop", instrument=False):
    for number in range(times):
        tidegate.counter("shop.orders", unit="{order}", channel="web")
        tidegate.histogram("shop.basket", number, unit="{item}", buckets=(1, 5))
        with tidegate.timer("shop.pricing"):
            pass
    tidegate.gauge("shop.queue", times)
    logging.getLogger("tidegate").setLevel(logging.ERROR)
    tidegate.counter("shop.orders", -1)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.INFO)
    get_logger_provider().add_log_record_processor(Talkative())
    with trace.get_tracer("shop").start_as_current_span("order"):
        tidegate.debug("order placed", order_id=17, total=12.5)
    tidegate.get_logger("shop.prices").warning("100 % of them", exc_info=ValueError("no price"))
    with tidegate.timed_log("import of prices", level=17):
        pass
    tidegate.info("many", **{f"a{number}": number for number in range(200)})
"""


@pytest.fixture
def worker(environ: dict[str, str], program: Callable[..., Path], tmp_path: Path) -> Callable[[int], None]:
    """``worker(times)`` runs one to its end, which prints nothing."""
    path = program(WORKER, "worker.py")

    def worker(times: int) -> None:
        command = [sys.executable, "-W", "error", str(path), str(times)]
        done = subprocess.run(
            command, env=environ, cwd=tmp_path, timeout=60, check=False, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    return worker


def test_two_processes_add_up_in_what_prometheus_scrapes(worker: Callable[[int], None], tmp_path: Path) -> None:
    worker(3)
    worker(4)
    with served(tmp_path) as server:
        text = server.get("/metrics/prometheus", Authorization=f"Bearer {TOKEN}").text
    found = {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["shop_orders_total", ""] == 7
    assert [found["shop_basket_bucket", bound] for bound in ("1.0", "5.0", "+Inf")] == [4, 7, 7]
    assert (found["shop_basket_count", ""], found["shop_basket_sum", ""]) == (7, 0 + 1 + 2 + 0 + 1 + 2 + 3)
    assert found["shop_pricing_seconds_count", ""] == 7
    assert found["tidegate_calls_refused_total", ""] == 2
    assert "shop_queue" not in text  # of living processes only


def test_log_calls_are_in_the_store(
    worker: Callable[[int], None], recorded: Callable[[], Recorded], tmp_path: Path
) -> None:
    worker(1)
    found = recorded()
    [span], [placed] = found.spans, [log for log in found.logs if log.body == "order placed"]
    assert (placed.trace_id, placed.span_id, placed.scope.name) == (span.trace_id, span.span_id, "__main__")
    assert (placed.severity_number, placed.severity_text, placed.event_name) == (5, "DEBUG", "")
    line = WORKER.splitlines().index('        tidegate.debug("order placed", order_id=17, total=12.5)') + 1
    assert placed.attributes == {
        "order_id": 17,
        "total": 12.5,
        "code.file.path": str(tmp_path / "worker.py"),
        "code.line.number": line,
        "code.function.name": "<module>",
    }
    [price] = found.logs_of("shop.prices")
    assert (price.body, price.severity_text) == ("100 % of them", "WARN")
    assert price.attributes["exception.message"] == "no price"
    [many] = [log for log in found.logs if log.body == "many"]
    assert many.dropped_attributes_count == 200 - 128


def test_processors_do_not_log_about_what_they_are_given_but_last_words_are_kept(
    worker: Callable[[int], None], recorded: Callable[[], Recorded]
) -> None:
    worker(0)
    assert recorded().bodies == {
        "order placed": 1,
        "100 % of them": 1,
        "import of prices started": 1,
        "import of prices finished": 1,
        "last words": 1,
        "many": 1,
    }
