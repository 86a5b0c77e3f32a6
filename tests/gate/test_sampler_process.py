"""The sampler in processes as they are: started by environment and file, forked, threaded, interrupted."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import Decision

from sampling import Clock, Service, start
from tidegate import otel
from tidegate.errors import ConfigurationError
from tidegate.gate import AdaptiveSampler
from tidegate.gate.sampler import adaptive, parentbased_adaptive

KEEP = Decision.RECORD_AND_SAMPLE
NAMES = ("tidegate", "parentbased_tidegate")


@pytest.mark.parametrize("group", ["opentelemetry_traces_sampler", "opentelemetry_sampler"])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_installed_under_both_names_for_environment_and_file(group: str, name: str) -> None:
    (entry_point,) = entry_points(group=group, name=name)
    assert isinstance(entry_point.load()(), AdaptiveSampler)


@pytest.mark.parametrize("name", NAMES)
def test_the_argument_is_the_budget(name: str) -> None:
    assert otel.sampler_by_name(name, " 12.5 ").traces_per_second == 12.5


@pytest.mark.parametrize("argument", [None, ""])
def test_without_an_argument_the_budget_is_100(argument: str | None) -> None:
    assert adaptive(argument).traces_per_second == 100


def test_only_one_of_the_names_is_parent_based() -> None:
    described = [factory("5").get_description() for factory in (adaptive, parentbased_adaptive)]
    assert [text.startswith("ParentBased") for text in described] == [False, True]


@pytest.mark.parametrize("argument", ["many", "-1", "nan", "inf", "1,5", "0x10"])
def test_a_wrong_argument_is_an_error_where_tidegate_configures(argument: str) -> None:
    with pytest.raises(ConfigurationError, match="it must be a number"):
        otel.sampler_by_name("tidegate", argument)


@pytest.mark.parametrize("factory", [adaptive, parentbased_adaptive])
@pytest.mark.parametrize("argument", ["many", "-1", "nan"])
def test_a_wrong_argument_elsewhere_is_logged_and_never_sends_everything(
    factory: Any, argument: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "tidegate"):
        sampler = factory(argument)
    assert sampler.traces_per_second == 100
    assert "must be a number" in caplog.text


def test_the_service_that_rules_ask_for_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,env=prod")
    about = adaptive()._gate._about
    assert about[:2] == ("shop", {"service.name": "shop", "env": "prod"})


PROGRAM = """
import json, os, sys
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

tracer = trace.get_tracer("program")
with tracer.start_as_current_span("GET /", attributes={"http.route": "/"}) as span:
    context = span.get_span_context()
    print(json.dumps({
        "sampler": trace.get_tracer_provider().sampler.get_description(),
        "state": context.trace_state.to_header(),
        "sampled": bool(context.trace_flags & 1),
        "attributes": dict(span.attributes or {}) if span.is_recording() else None,
    }))
"""

Found = Callable[..., dict[str, Any]]


@pytest.fixture
def found(instrument: Callable[..., Any]) -> Found:
    """What `PROGRAM` says of itself under ``opentelemetry-instrument``, and on stderr."""

    def found(**env: str) -> dict[str, Any]:
        done = instrument(
            PROGRAM, env={"OTEL_TRACES_EXPORTER": "none", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*", **env}
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return {**answer, "stderr": done.stderr}

    return found


@pytest.mark.servers
@pytest.mark.parametrize("name", NAMES)
def test_an_instrumented_program_is_sampled_by_it(found: Found, name: str) -> None:
    answer = found(OTEL_TRACES_SAMPLER=name, OTEL_TRACES_SAMPLER_ARG="5")
    assert "AdaptiveSampler{traces_per_second=5,rules=0}" in answer["sampler"]
    assert (answer["state"], answer["sampled"], answer["attributes"]) == ("ot=th:0", True, {"http.route": "/"})


@pytest.mark.servers
def test_an_instrumented_program_records_what_it_drops(found: Found) -> None:
    answer = found(OTEL_TRACES_SAMPLER="tidegate", OTEL_TRACES_SAMPLER_ARG="0")
    assert (answer["state"], answer["sampled"], answer["attributes"]) == ("", False, {"http.route": "/"})


@pytest.mark.servers
def test_a_wrong_argument_is_said_and_nothing_is_sent(instrument: Callable[..., Any]) -> None:
    done = instrument("print('runs')", env={"OTEL_TRACES_SAMPLER": "tidegate", "OTEL_TRACES_SAMPLER_ARG": "many"})
    assert done.stdout == "runs\n"
    assert "OTEL_TRACES_SAMPLER_ARG is 'many'; it must be a number of traces per second" in done.stderr
    assert "Nothing is recorded or sent until this is corrected" in done.stderr


ANOTHER = """
from opentelemetry import trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
_OTelSDKConfigurator().configure()
print(trace.get_tracer_provider().sampler.get_description())
"""


@pytest.mark.servers
def test_where_the_sdk_configures_itself_a_wrong_argument_never_sends_everything(
    run: Callable[..., Any], program: Callable[..., Path]
) -> None:
    env = {"OTEL_TRACES_SAMPLER": "parentbased_tidegate", "OTEL_TRACES_SAMPLER_ARG": "-3"}
    done = run([sys.executable, program(ANOTHER)], env=env)
    assert done.stdout.startswith("ParentBased{root:AdaptiveSampler{traces_per_second=100,")
    assert "traces_per_second is -3.0; it must be a number" in done.stderr


def declared(tmp_path: Path, sampler: dict[str, Any]) -> str:
    path = tmp_path / "otel.yaml"
    console: dict[str, Any] = {"simple": {"exporter": {"console": {}}}}
    document = {"file_format": "1.0", "tracer_provider": {"processors": [console], "sampler": sampler}}
    path.write_text(json.dumps(document))
    return str(path)


DECLARED = """
from opentelemetry import trace
from opentelemetry.configuration import configure_sdk, load_config_file
import os
configure_sdk(load_config_file(os.environ["OTEL_CONFIG_FILE"]))
print(trace.get_tracer_provider().sampler.get_description())
"""


@pytest.mark.servers
@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ({"tidegate": {"traces_per_second": 7}}, "AdaptiveSampler{traces_per_second=7,rules=0}"),
        (
            {"tidegate": {"traces_per_second": 7, "rules": [{"drop": "health checks"}]}},
            "AdaptiveSampler{traces_per_second=7,rules=3}",
        ),
        ({"parentbased_tidegate": {}}, "ParentBased{root:AdaptiveSampler{traces_per_second=9,rules=0}}"),
        (
            {"parent_based": {"root": {"tidegate": {"traces_per_second": 7}}}},
            "ParentBased{root:AdaptiveSampler{traces_per_second=7,rules=0},",
        ),
        ({"tidegate": {"traces_per_second": "many"}}, "AdaptiveSampler{traces_per_second=100,rules=0}"),
        ({"tidegate": {"colour": 1}}, "AdaptiveSampler{traces_per_second=100,rules=0}"),
    ],
    ids=str,
)
def test_a_declarative_file_may_set_its_budget_and_rules(
    run: Callable[..., Any], program: Callable[..., Path], tmp_path: Path, sampler: dict[str, Any], expected: str
) -> None:
    env = {"OTEL_CONFIG_FILE": declared(tmp_path, sampler), "OTEL_TRACES_SAMPLER_ARG": "9"}
    assert run([sys.executable, program(DECLARED)], env=env).stdout.startswith(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"traces_per_second": "many"}, "traces_per_second is 'many'; it must be a number"),
        ({"traces_per_second": 5, "rules": [{"match": {"name": "a"}}]}, "has no effect"),
        ({"rules": 5}, "a rule is 5"),
        ({"colour": 1}, "has 'colour'; it may have traces_per_second and rules"),
    ],
)
def test_what_is_wrong_in_a_declarative_file_is_said_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    path = declared(tmp_path, {"tidegate": options})
    monkeypatch.setenv("OTEL_CONFIG_FILE", path)
    with pytest.raises(ConfigurationError) as refused:
        adaptive.strict()
    assert str(refused.value).startswith(f"{path}: sampler.tidegate")
    assert message in str(refused.value)


@pytest.mark.servers
def test_a_declarative_file_named_in_code_sets_it_too(
    run: Callable[..., Any], program: Callable[..., Path], tmp_path: Path
) -> None:
    source = f"""
        import tidegate
        from opentelemetry import trace
        path = {declared(tmp_path, {"tidegate": {"traces_per_second": 7}})!r}
        with tidegate.configure_observability(config_file=path, instrument=False):
            print(trace.get_tracer_provider().sampler.get_description())
    """
    done = run([sys.executable, program(source)])
    assert done.stdout == "RecordingSampler{AdaptiveSampler{traces_per_second=7,rules=0}}\n"


def count(sampler: AdaptiveSampler, traces: int) -> int:
    return sum(sampler.should_sample(None, (n * 2654435761) << 24, "GET /").decision is KEEP for n in range(traces))


#: What Python 3.12 and later say of every such fork; the tests' own processes may have threads.
forking = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(work: Callable[[], object]) -> str:
    """What ``work`` returns in a forked child, as JSON."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(work()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return answer


@forking
def test_a_forks_child_has_counts_and_budgets_of_its_own() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(10, [{"match": {"name": "pay"}, "budget": 5}], clock=clock)
    spent = count(sampler, 1000)
    sampler.traces_per_second = 20

    def child() -> object:
        return [sum(sampler.counts().values()), sampler.traces_per_second, count(sampler, 1000) > spent // 2]

    assert in_child(child) == "[0, 20.0, true]"


@forking
def test_a_fork_while_another_thread_decides_leaves_no_lock_behind() -> None:
    sampler = AdaptiveSampler(10)
    sampler._gate._lock.acquire()
    thread = threading.Thread(target=lambda: sampler.should_sample(None, 1, "GET /"))
    thread.start()  # it waits for the lock, which the child's copy would never get
    try:
        answers: list[str] = []
        other = threading.Thread(target=lambda: answers.append(in_child(lambda: count(sampler, 10) >= 0)))
        other.start()
        other.join(30)
        assert answers == ["true"]
    finally:
        sampler._gate._lock.release()
        thread.join()


def test_a_sampler_that_is_not_used_any_more_is_forgotten() -> None:
    from tidegate.gate.traces import gate as trace_gate

    before = len(trace_gate._gates)
    sampler = AdaptiveSampler()
    assert len(trace_gate._gates) == before + 1
    del sampler
    gc.collect()
    assert len(trace_gate._gates) <= before


def test_threads_share_one_budget_and_count_exactly() -> None:
    clock = Clock()
    sampler = AdaptiveSampler(100, clock=clock)
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        count(sampler, 5000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = sampler.counts()
    assert (counts["kept_by_budget"] + counts["dropped_by_budget"], counts["failed"]) == (20_000, 0)
    assert counts["kept_by_budget"] < 1000


def test_rules_and_budget_may_change_while_threads_decide() -> None:
    from tidegate.gate.policy import Policy, TracePolicy, TraceRule

    sampler = AdaptiveSampler(100)
    ended = threading.Event()

    def change() -> None:
        for number in range(300):
            sampler.apply(Policy(TracePolicy(float(number), (TraceRule(rate=number % 2),))))
            sampler.traces_per_second = number
        ended.set()

    changing = threading.Thread(target=change)
    changing.start()
    decided = 0
    while not ended.is_set():
        decided += 10
        count(sampler, 10)
    changing.join()
    assert sampler.counts()["failed"] == 0
    assert sum(sampler.counts().values()) == decided


def test_a_span_inside_a_decision_does_not_block_it() -> None:
    class Interrupting(Clock):
        def __call__(self) -> float:  # read under the lock, as a signal would strike
            if not self.now:
                self.now = 1.0
                os.kill(os.getpid(), signal.SIGUSR1)
            return self.now

    service = Service(AdaptiveSampler(clock=Interrupting(0.0)))
    former = signal.signal(signal.SIGUSR1, lambda *_: start(service, name="in the handler"))
    try:
        start(service)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert [span.name for span in service.spans] == ["in the handler", "GET /"]
