"""Without an endpoint nothing is tried, and what the application prints is what it printed before."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

#: What prints something on standard error by itself, one way or another.
PROGRAMS = {
    "logging without configuration": """
        import logging
        logging.debug("not shown")
        logging.warning("shown by %s", "the last resort")
        logging.getLogger("app").error("and this")
    """,
    "basicConfig": """
        import logging
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("app").info("set up")
        logging.getLogger("opentelemetry").warning("its own")
    """,
    "dictConfig": """
        import logging.config
        logging.config.dictConfig({"version": 1, "handlers": {"all": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["all"], "level": "DEBUG"}, "disable_existing_loggers": True})
        logging.getLogger("app").debug("set up")
    """,
    "wrong arguments": """
        import logging
        logging.warning("%d apples", "two")
    """,
    "an unhandled exception": """
        from opentelemetry import trace
        with trace.get_tracer("test").start_as_current_span("work"):
            raise ValueError("no")
    """,
    "an exception in a thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()
    """,
    "warnings": """
        import logging, warnings
        warnings.warn("careful")
        logging.captureWarnings(True)
        warnings.warn("captured")
    """,
    "more attributes than the SDK takes": """
        import logging
        logging.warning("many", extra={f"key{number}": number for number in range(1000)})
    """,
    "metrics, attributes and a fork": """
        import os, time
        from opentelemetry import metrics, trace
        metrics.get_meter("test").create_counter("jobs").add(1)
        with trace.get_tracer("test").start_as_current_span("work"):
            time.sleep(0.05)
        for _ in range(3):
            if not os.fork():
                os._exit(0)
            os.wait()
    """,
    "multiprocessing": """
        import multiprocessing
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=print, args=["child"])
                process.start()
                process.join()
    """,
    "all warnings shown": """
        import gc, os, warnings
        warnings.simplefilter("always")
        from opentelemetry import trace
        with trace.get_tracer("test").start_as_current_span("work"):
            pass
        if not os.fork():
            os._exit(0)
        os.wait()
        gc.collect()
    """,
    "interrupted": """
        import signal, time
        signal.signal(signal.SIGALRM, signal.default_int_handler)   # as if somebody pressed Ctrl-C in a moment
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        time.sleep(20)
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_standard_error_is_byte_for_byte_what_it_is_without_us(
    run: Run, program: Callable[[str], Path], name: str
) -> None:
    path = program(PROGRAMS[name])
    with_us = run(["opentelemetry-instrument", sys.executable, path], check=False)
    without = run([sys.executable, path], check=False)
    assert (with_us.returncode, with_us.stdout, with_us.stderr) == (without.returncode, without.stdout, without.stderr)


def test_values_that_the_sdk_cuts_off_are_no_matter_for_the_console(
    run: Run, program: Callable[[str], Path], recorded: See
) -> None:
    path = program("""
        import logging
        logging.warning("long", extra={"text": "x" * 20})
    """)
    done = run(["opentelemetry-instrument", sys.executable, path], env={"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "10"})
    assert done.stderr == "WARNING:root:long\n"
    assert [log.attributes["text"] for log in recorded().logs] == ["x" * 10]


def test_an_endpoint_that_nobody_answers_does_not_hold_up_the_end_longer_than_the_sdk_does(
    run: Run, program: Callable[[str], Path], free_port: int, recorded: See
) -> None:
    path = program("""
        import logging
        from opentelemetry import trace
        with trace.get_tracer("test").start_as_current_span("work"):
            logging.getLogger("app").warning("working")
    """)
    endpoint = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }

    def duration(**environ: str) -> float:
        start = time.monotonic()
        run(["opentelemetry-instrument", sys.executable, path], env={**endpoint, **environ})
        return time.monotonic() - start

    bare = duration(
        OTEL_PYTHON_TIDEGATE_STORE="off",
        OTEL_TRACES_EXPORTER="otlp",
        OTEL_LOGS_EXPORTER="otlp",
        OTEL_METRICS_EXPORTER="otlp",
    )
    assert duration() < bare + 2
    assert recorded().names == {"work": 1}
    assert recorded().bodies["working"] == 1


def test_without_an_endpoint_no_exporter_is_built(instrument: Run) -> None:
    done = instrument("""
        import sys
        print([name for name in sys.modules if "otlp" in name])
    """)
    assert done.stdout == "[]\n"


#: Something of every kind that the setting ``console`` shows.
SHOWN = """
    import logging, tidegate
    from opentelemetry import trace
    logging.getLogger("app").warning("no handler")
    with trace.get_tracer("app").start_as_current_span("work"), tidegate.log_context(tenant="acme"):
        tidegate.track_event("order.placed")
        tidegate.info("helper")
    logging.basicConfig(level=logging.INFO, format="theirs: %(message)s")
    logging.getLogger("app").info("handled")
    print("done")
"""


def test_the_console_shows_what_nothing_else_does_and_nothing_twice(instrument: Run) -> None:
    lines = instrument(SHOWN, env={"OTEL_PYTHON_TIDEGATE_CONSOLE": "text"}).stderr.splitlines()
    assert [line.split("  ")[-3:-1] for line in lines[1:3]] == [
        ["order.placed", "tenant=acme"],
        ["helper", "tenant=acme"],
    ]
    assert lines[0].endswith("  WARNING   app  no handler")
    assert "  SPAN      work  OK  " in lines[3]
    assert lines[4:] == ["theirs: handled"]


def test_while_developing_the_console_is_text(instrument: Run) -> None:
    done = instrument(
        """
        import logging
        logging.getLogger("tidegate.record").debug("ours")
        logging.getLogger("app").debug("not theirs")
        """,
        env={"OTEL_PYTHON_TIDEGATE_DEV": "true"},
    )
    assert done.stderr.endswith("  DEBUG     tidegate.record  ours\n")


@pytest.mark.parametrize("broken", ["2>&-", "2>/dev/full"])
def test_the_console_is_nothing_that_a_program_fails_of(run: Run, program: Callable[[str], Path], broken: str) -> None:
    command = ["sh", "-c", f'opentelemetry-instrument "$0" "$1" {broken}', sys.executable, program(SHOWN)]
    done = run(command, env={"OTEL_PYTHON_TIDEGATE_CONSOLE": "json"})
    assert done.stdout == "done\n"
