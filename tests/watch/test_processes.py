"""Health in real processes: threads, forks, ends, and what is recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import read

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Mounted = Callable[[str], Path]

WORK = """\
import os, sys, threading, time, warnings
import tidegate
from tidegate import health
def wait_for(condition):
    while not condition(): time.sleep(0.01)
def statuses(wait=20):
    return {name: item.status for name, item in health.report(wait).components.items()}
def in_child(work):
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """Without instrumentations, which take a program of the standard library more time to load than all the rest."""
    return {**environ, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


@pytest.fixture
def plain(run: Run, program: Callable[..., Path]) -> Run:
    """A program that uses health in a process that records nothing."""

    def plain(source: str, **options: object) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, program(WORK + source)], **options)

    return plain


@pytest.fixture(params=["plain", "recording"])
def either(request: pytest.FixtureRequest, plain: Run, instrument: Run) -> Run:
    """The program in a process that records nothing, and in one that records."""
    return plain if request.param == "plain" else lambda source, **options: instrument(WORK + source, **options)


# --- threads


def test_an_application_that_does_not_ask_has_neither_the_thread_nor_the_modules(instrument: Run) -> None:
    done = instrument("""
        import sys, threading
        print([thread.name for thread in threading.enumerate() if "health" in thread.name])
        print([name for name in sys.modules if name.startswith("tidegate.watch.")])
    """)
    assert done.stdout == "[]\n[]\n"


def test_there_is_one_scheduler_thread_and_none_of_checks_that_have_returned(either: Run) -> None:
    done = either("""
for number in range(5): health.register(f"check {number}", lambda: True)
assert health.report(20).status == "healthy"
print([thread.name for thread in threading.enumerate() if "health" in thread.name])
""")
    assert done.stdout == "['tidegate-health']\n"


def test_health_without_recording_does_not_load_opentelemetry(plain: Run) -> None:
    done = plain("""
health.register("it", lambda: False)
health.report(20)
print("opentelemetry" in sys.modules)
""")
    assert done.stdout == "False\n"


# --- forks


def test_a_forked_child_runs_the_checks_itself(either: Run) -> None:
    either("""
pids = []
health.register("it", lambda: pids.append(os.getpid()), interval=0.05)
wait_for(lambda: pids)
in_child(lambda: wait_for(lambda: os.getpid() in pids))
count = len(pids)
wait_for(lambda: len(pids) > count)
""")


def test_a_forked_child_knows_nothing_of_what_its_parent_found(either: Run) -> None:
    done = either("""
health.register("it", lambda: True)
assert statuses()["it"] == "healthy"
def child():
    before = health.report(0).components["it"]
    after = health.report(20).components["it"]
    print(before.status, before.history, after.status, len(after.history), flush=True)
in_child(child)
""")
    assert done.stdout == "unknown () healthy 1\n"


def test_a_fork_in_the_middle_of_a_check_leaves_the_child_whole(either: Run) -> None:
    done = either("""
running, parent = threading.Event(), os.getpid()
def check():
    if os.getpid() == parent:
        running.set()
        time.sleep(60)
health.register("it", check)
running.wait()
in_child(lambda: print(health.report(20).components["it"].status, flush=True))
""")
    assert done.stdout == "healthy\n"


def test_a_process_that_forks_all_the_time_and_its_children_have_reports(either: Run) -> None:
    done = either("""
async def check(): pass
for number in range(5): health.register(f"check {number}", check, interval=0.05)
def child():
    assert health.report(20).status == "healthy", health.report(0)
for _ in range(20): in_child(child)
print(health.report(20).status)
""")
    assert done.stdout == "healthy\n"


def test_python_does_not_warn_a_process_that_forks_of_our_thread(either: Run) -> None:
    done = either("""
health.register("it", lambda: True)
health.report(20)
warnings.simplefilter("always")
in_child(lambda: None)
""")
    assert done.stderr == ""


# --- ends


def test_a_check_that_hangs_does_not_hold_up_the_end(either: Run) -> None:
    done = either("""
running = threading.Event()
def check():
    running.set()
    while True: time.sleep(60)
health.register("it", check)
running.wait()
print("done")
""")
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_checks_that_run_until_the_end_print_nothing(either: Run) -> None:
    done = either("""
calls = []
async def check(): calls.append(1)
for number in range(20): health.register(f"check {number}", check, interval=0.05)
wait_for(lambda: len(calls) > 40)
""")
    assert done.stderr == ""


def test_a_change_after_the_shutdown_prints_nothing(instrument: Run) -> None:
    done = instrument(
        WORK
        + """
answers = [True]
health.register("it", lambda: answers[-1], interval=0.05)
wait_for(lambda: statuses()["it"] == "healthy")
tidegate.configure_observability().shutdown()
answers.append(False)
wait_for(lambda: statuses()["it"] == "unhealthy")
"""
    )
    assert done.stderr == ""


# --- what is recorded

CHANGES = """
answers = [False]
health.register("database", lambda: answers[-1], interval=0.05, failures=2)
wait_for(lambda: statuses()["database"] == "unhealthy")
answers.append(True)
wait_for(lambda: statuses()["database"] == "healthy")
"""


def test_changes_of_status_are_events_in_the_store(instrument: Run, store_dir: Path) -> None:
    instrument(WORK + CHANGES)
    seen = [log for log in read(store_dir).logs[::-1] if log.attributes.get("health.check") == "database"]
    assert {log.event_name for log in seen} == {"tidegate.health.changed"}
    found = [
        (log.severity_text, log.attributes["health.previous_status"], log.attributes["health.status"]) for log in seen
    ]
    assert found == [
        ("WARN", "unknown", "degraded"),
        ("ERROR", "degraded", "unhealthy"),
        ("INFO", "unhealthy", "healthy"),
    ]


def test_an_event_has_the_detail_and_the_time_of_the_change(instrument: Run, store_dir: Path) -> None:
    done = instrument(
        WORK
        + """
def check(): raise ConnectionError("no answer")
health.register("database", check)
print(health.report(20).components["database"].history[0].time_unix_nano)
"""
    )
    [log] = [log for log in read(store_dir).logs if log.attributes.get("health.check") == "database"]
    assert (log.time_unix_nano, log.attributes["health.detail"]) == (int(done.stdout), "ConnectionError: no answer")
    assert (log.body, log.attributes["health.critical"]) == ("health check 'database': unknown → degraded", True)


def test_a_first_check_that_passes_is_no_event(instrument: Run, store_dir: Path) -> None:
    instrument(WORK + "health.register('it', lambda: True)\nassert statuses()['it'] == 'healthy'")
    assert [log.attributes for log in read(store_dir).logs if log.attributes.get("health.check") == "it"] == []


# --- the built-in checks


def test_a_process_that_records_is_healthy(instrument: Run) -> None:
    done = instrument(WORK + "found = statuses(); found.pop('disk'); print(found)")
    assert done.stdout == "{'store': 'healthy', 'queue': 'healthy', 'lag': 'healthy'}\n"


def test_a_store_that_cannot_be_written_makes_the_application_degraded(instrument: Run) -> None:
    done = instrument(
        WORK + "print(statuses()['store'], health.report().status)",
        env={"OTEL_PYTHON_TIDEGATE_STORE": "/proc/tidegate"},
    )
    assert done.stdout == "degraded degraded\n"


def test_a_disk_that_fills_up_makes_the_application_degraded_and_never_unhealthy(
    instrument: Run, mounted: Mounted
) -> None:
    done = instrument(
        WORK
        + """
from opentelemetry import trace
handle = tidegate.configure_observability()
while not handle.dropped:
    trace.get_tracer("test").start_span("work", attributes={"padding": os.urandom(8192).hex()}).end()
    handle.flush()
report = health.report(20)
print(report.status, report.components["disk"].status, report.components["queue"].detail)
""",
        env={"OTEL_PYTHON_TIDEGATE_STORE": str(mounted("size=256k") / "store")},
    )
    assert done.stdout.startswith("degraded degraded records dropped since the last look: ")
    assert "(disk)" in done.stdout


def test_an_unreachable_destination_makes_the_application_degraded(instrument: Run, free_port: int) -> None:
    done = instrument(
        WORK + "print(statuses()['destination'], health.report().status)\nsys.stdout.flush()\nos._exit(0)",
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}"},
    )
    assert done.stdout == "degraded degraded\n"
