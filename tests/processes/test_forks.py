"""Processes that beget processes: every finished span and log record is stored exactly once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

#: Importable by children that are started afresh: nothing happens at import.
WORK = """\
import concurrent.futures, logging, multiprocessing, os, signal, sys, threading, time
from opentelemetry import metrics, trace
def work(name):
    with trace.get_tracer("test").start_as_current_span(str(name)):
        logging.getLogger("app").warning("log of %s", name)
    return name
def count():
    metrics.get_meter("test").create_counter("jobs").add(1)
"""


@pytest.fixture
def instrumented(instrument: Run) -> Run:
    """A program with `WORK` at its head and the given text as its ``main``."""

    def instrumented(main: str, **options: object) -> subprocess.CompletedProcess[str]:
        body = textwrap.indent(textwrap.dedent(main), "    ")
        return instrument(f"{WORK}\nif __name__ == '__main__':\n{body}", **options)

    return instrumented


def _each_once(seen: Recorded, *names: str) -> None:
    assert seen.names == Counter(names)
    assert Counter(log.body for log in seen.logs_of("app")) == Counter(f"log of {name}" for name in names)
    traces = {span.name: span.trace_id for span in seen.spans}
    assert {log.body: log.trace_id for log in seen.logs_of("app")} == {f"log of {name}": traces[name] for name in names}
    assert seen.damaged == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing_is_recorded_once(instrumented: Run, recorded: See, method: str) -> None:
    instrumented(f"""
        work("before")
        context = multiprocessing.get_context("{method}")
        process = context.Process(target=work, args=["child"])
        process.start()
        work("parent")
        process.join()
        assert process.exitcode == 0
    """)
    _each_once(recorded(), "before", "child", "parent")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_that_is_terminated_has_recorded_what_its_workers_finished(
    instrumented: Run, recorded: See, method: str
) -> None:
    instrumented(f"""
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            pool.map(work, range(20))
        # leaving the block is terminate(): SIGTERM to each worker
    """)
    _each_once(recorded(), *map(str, range(20)))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_concurrent_futures_is_recorded_once(instrumented: Run, recorded: See, method: str) -> None:
    instrumented(f"""
        context = multiprocessing.get_context("{method}")
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            assert sorted(pool.map(work, range(20))) == list(range(20))
    """)
    _each_once(recorded(), *map(str, range(20)))


def test_a_worker_that_recycles_after_each_task_is_recorded_once(instrumented: Run, recorded: See) -> None:
    instrumented("""
        with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
            pool.map(work, range(8), chunksize=1)
    """)
    _each_once(recorded(), *map(str, range(8)))


def test_a_forked_child_that_is_terminated_is_recorded_and_has_the_status_of_the_signal(
    instrumented: Run, recorded: See
) -> None:
    instrumented("""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            work("child")
            os.write(write, b"x")
            time.sleep(60)
        os.read(read, 1)
        os.kill(child, signal.SIGTERM)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
    """)
    _each_once(recorded(), "child")


@pytest.mark.parametrize(
    "end", ["os._exit(0)", "sys.exit(0)", "os.execv('/bin/true', ['true'])", "os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_what_the_parent_had_queued_is_not_stored_again_by_its_child(
    instrumented: Run, recorded: See, end: str
) -> None:
    instrumented(f"""
        work("before")
        child = os.fork()
        if not child:
            work("child")
            {end}
        work("parent")
        os.waitpid(child, 0)
    """)
    _each_once(recorded(), "before", "child", "parent")


def test_a_span_that_is_open_over_a_fork_is_stored_by_each_process_that_ends_it(
    instrumented: Run, recorded: See
) -> None:
    instrumented("""
        with trace.get_tracer("test").start_as_current_span("open"):
            child = os.fork()
            if not child:
                work("child")
                os._exit(0)
            os.waitpid(child, 0)
    """)
    seen = recorded()
    assert seen.names == {"open": 1, "child": 1}
    spans = {span.name: span for span in seen.spans}
    assert spans["child"].parent_span_id == spans["open"].span_id


def test_a_child_that_records_nothing_leaves_no_trace(instrumented: Run, recorded: See) -> None:
    instrumented("""
        work("parent")
        count()
        for _ in range(3):
            if not os.fork():
                os._exit(0)
            os.wait()
    """)
    assert recorded().processes == 1


def test_a_counter_that_a_child_inherits_starts_from_nothing_there(instrumented: Run, recorded: See) -> None:
    instrumented("""
        for _ in range(10):
            count()
        if not os.fork():
            count()
            os._exit(0)
        os.wait()
    """)
    jobs = [point for point in recorded().points if point.metric.name == "jobs"]
    last = {point.resource.attributes["service.instance.id"]: point.value["as_int"] for point in reversed(jobs)}
    assert sorted(last.values()) == [1, 10]


def test_a_fork_without_hooks_of_python_is_recorded_once(instrumented: Run, recorded: See) -> None:
    instrumented("""
        import ctypes
        work("before")
        # as an embedding server does: fork(2) behind the interpreter's back
        child = ctypes.PyDLL(None).fork()
        if not child:
            work("child")
            os._exit(0)
        os.waitpid(child, 0)
    """)
    _each_once(recorded(), "before", "child")


def _jobs(seen: Recorded) -> list[int]:
    """What each process counted, sorted: its last total of the counter."""
    last = {
        point.start_time_unix_nano: point.value["as_int"]
        for point in reversed(seen.points)
        if point.metric.name == "jobs"
    }
    return sorted(last.values())


#: A child that its first fork hook ends, before any of the SDK's has run there; ``kill`` as from outside.
ENDED_AT_ONCE = """
    import os, signal
    kill = os.kill
    os.register_at_fork(after_in_child=lambda: {end})
    import tidegate
    with tidegate.configure_observability(instrument=False, store={store!r}) as telemetry:
        for _ in range(5):
            tidegate.counter("jobs")
        tidegate.info("of the parent")
        telemetry.flush()
        tidegate.info("queued")
        child = os.fork()
        assert child
        os.waitpid(child, 0)
"""


@pytest.mark.parametrize("end", ["kill(os.getpid(), signal.SIGTERM)", "os._exit(0)"])
def test_a_child_that_ends_before_fork_hooks_have_run_repeats_nothing_of_its_parent(
    run: Run, program: Callable[[str], Path], recorded: See, store_dir: Path, end: str
) -> None:
    run([sys.executable, program(ENDED_AT_ONCE.format(end=end, store=str(store_dir)))])
    seen = recorded()
    assert (seen.processes, seen.bodies) == (1, {"of the parent": 1, "queued": 1})


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_metrics_of_a_fork_without_hooks_of_python_are_its_own(instrumented: Run, recorded: See, end: str) -> None:
    instrumented(f"""
        import ctypes
        for _ in range(5):
            count()
        metrics.get_meter_provider().force_flush()
        trace.get_tracer_provider().force_flush()
        child = ctypes.PyDLL(None).fork()
        if not child:
            work("child")
            count()
            {end}
        os.waitpid(child, 0)
    """)
    assert _jobs(recorded()) == [1, 5]


def test_a_storm_of_forks_while_threads_make_spans_loses_and_doubles_nothing(instrumented: Run, recorded: See) -> None:
    children, threads, each = 150, 3, 1500
    done = instrumented(
        f"""
        def chatter(thread):
            for number in range({each}):
                work(f"thread {{thread}} span {{number}}")
        threads = [threading.Thread(target=chatter, args=[thread]) for thread in range({threads})]
        for thread in threads: thread.start()
        for number in range({children}):
            if not os.fork():
                work(f"child {{number}}")
                os._exit(0)
            if number % 4 == 3:
                for _ in range(4): os.wait()
        for thread in threads: thread.join()
        while True:
            try: os.wait()
            except ChildProcessError: break
        """,
        timeout=100,
        env={"PYTHONWARNINGS": "ignore", "OTEL_PYTHON_TIDEGATE_QUEUE_SIZE": "1000000"},
    )
    assert "Traceback" not in done.stderr
    expected = [f"thread {thread} span {number}" for thread in range(threads) for number in range(each)]
    expected += [f"child {number}" for number in range(children)]
    seen = recorded()
    assert seen.names == Counter(expected)
    assert Counter(log.body for log in seen.logs_of("app")) == Counter(f"log of {name}" for name in expected)
    assert seen.damaged == 0


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_helper_processes_leave_no_trace(instrumented: Run, recorded: See, store_dir: Path, method: str) -> None:
    instrumented(f"""
        import multiprocessing.shared_memory
        memory = multiprocessing.shared_memory.SharedMemory(create=True, size=16)   # starts the resource tracker
        process = multiprocessing.get_context("{method}").Process(target=work, args=["child"])
        process.start()
        process.join()
        memory.close()
        memory.unlink()
        work("parent")
    """)
    seen = recorded()
    _each_once(seen, "child", "parent")
    assert seen.processes == 2
    assert len(list(store_dir.glob("*.active"))) == 2
