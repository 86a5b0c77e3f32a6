"""The gates in front of what is sent: log records by pattern, traces by the policy; the store has everything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from otlp_receiver import OtlpReceiver
from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

PLAIN_TABLE = {"OTEL_PYTHON_TIDEGATE_LOG_MIN_RATE": "0", "OTEL_BLRP_MAX_QUEUE_SIZE": "100000"}

FLOOD = """
import logging
logging.getLogger().setLevel("DEBUG")
log = logging.getLogger("app")
for number in range(4000):
    log.info("number %d", number)
    if number % 100 == 0:
        log.error("failed at %d", number)
"""

ORDER = """
import logging, sys
from opentelemetry import trace
logging.getLogger().setLevel("DEBUG")
log = logging.getLogger("app")
for number in range(200):
    with trace.get_tracer("test").start_as_current_span("order"):
        log.debug("step %d of the order", number)
with trace.get_tracer("test").start_as_current_span("order") as span:
    for step in range(50):
        log.debug("step %d of the order", 1000 + step)
    log.error("the order failed")
"""


def bodies(receiver: OtlpReceiver) -> list[str]:
    return [log.body.string_value for log in receiver.logs if not log.event_name]


def count_of(log: object) -> float:
    values = {each.key: each.value for each in log.attributes}  # type: ignore[attr-defined]
    return float(values["tidegate.adjusted_count"].double_value)


def test_of_a_busy_pattern_a_part_is_sent_and_of_errors_all(sent: Callable[..., OtlpReceiver]) -> None:
    kinds = Counter(body.split()[0] for body in bodies(sent(FLOOD, **PLAIN_TABLE)))
    assert kinds["failed"] == 40
    assert 600 < kinds["number"] < 1000  # 20 % of 4,000 are 800, and the standard deviation is 25


def test_what_is_not_sent_is_recorded_all_the_same(sent: Callable[..., OtlpReceiver], recorded: See) -> None:
    sent(FLOOD, **PLAIN_TABLE)
    assert sum(body.startswith("number") for body in recorded().bodies) == 4000


def test_adjusted_counts_tell_how_many_there_were(sent: Callable[..., OtlpReceiver]) -> None:
    logs = [log for log in sent(FLOOD, **PLAIN_TABLE).logs if log.body.string_value.startswith("number")]
    assert 3300 < sum(map(count_of, logs)) < 4700


def test_what_is_recorded_does_not_carry_what_the_gate_adds(sent: Callable[..., OtlpReceiver], recorded: See) -> None:
    sent(FLOOD)
    assert not any("tidegate.adjusted_count" in log.attributes for log in recorded().logs)


def test_with_send_all_every_log_record_is_sent(sent: Callable[..., OtlpReceiver]) -> None:
    assert len(bodies(sent(FLOOD, OTEL_PYTHON_TIDEGATE_SEND="all", **PLAIN_TABLE))) == 4040


def test_an_error_brings_the_debug_records_of_its_trace(sent: Callable[..., OtlpReceiver]) -> None:
    found = bodies(sent(ORDER, **PLAIN_TABLE))
    assert {f"step {1000 + step} of the order" for step in range(50)} <= set(found)
    assert len(found) < 120  # 5 % of the 200 in traces without an error


def test_without_a_store_a_dropped_message_is_never_formatted(sent: Callable[..., OtlpReceiver]) -> None:
    program = """
import logging, sys
logging.getLogger().setLevel("DEBUG")
formatted = []
class Costly:
    def __str__(self):
        formatted.append(1)
        return "costly"
for number in range(2000):
    logging.getLogger("app").debug("a %s thing", Costly())
logging.getLogger("app").error("formatted %d of 2000", len(formatted))
"""
    found = bodies(sent(program, OTEL_PYTHON_TIDEGATE_STORE="off", **PLAIN_TABLE))
    formatted = next(int(body.split()[1]) for body in found if body.startswith("formatted"))
    assert formatted == found.count("a costly thing")
    assert formatted < 300  # 5 % are 100


TRACES = """
from opentelemetry import trace
for name in ("pay", "GET /healthz"):
    for _ in range(20):
        with trace.get_tracer("test").start_as_current_span(name):
            pass
"""


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[object], str]:
    def policy(document: object) -> str:
        path = tmp_path / "policy.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return policy


def test_a_policys_rule_drops_traces_without_a_sampler_being_named(
    sent: Callable[..., OtlpReceiver], policy: Callable[[object], str], recorded: See
) -> None:
    path = policy({"traces": {"rules": [{"drop": "health checks"}]}})
    assert sent(TRACES, OTEL_PYTHON_TIDEGATE_POLICY=path).span_names == {"pay"}
    assert recorded().names == {"pay": 20, "GET /healthz": 20}


def test_a_standard_sampler_governs_although_a_policy_speaks_of_traces(
    instrument: Run, receiver: OtlpReceiver, policy: Callable[[object], str]
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_PYTHON_TIDEGATE_POLICY": policy({"traces": {"rules": [{"match": {"name": "pay"}, "drop": True}]}}),
    }
    ended = instrument(TRACES, env=environ)
    assert receiver.span_names == {"pay", "GET /healthz"}
    assert "the policy's part on traces has no effect: OTEL_TRACES_SAMPLER is 'always_on'" in ended.stderr


def test_the_adaptive_sampler_takes_the_policys_rules_and_budget(
    sent: Callable[..., OtlpReceiver], policy: Callable[[object], str]
) -> None:
    path = policy({"traces": {"budget": 1000, "rules": [{"match": {"name": "pay"}, "drop": True}]}})
    receiver = sent(
        TRACES,
        OTEL_PYTHON_TIDEGATE_POLICY=path,
        OTEL_TRACES_SAMPLER="parentbased_tidegate",
        OTEL_TRACES_SAMPLER_ARG="0",
    )
    assert receiver.span_names == {"GET /healthz"}


def test_a_policy_that_cannot_be_read_is_said_with_its_line_and_sends_nothing(
    instrument: Run, receiver: OtlpReceiver, policy: Callable[[object], str]
) -> None:
    path = policy('{"logs": {\n  "severity_rates": {"INFO": 7}}}')
    ended = instrument(
        ORDER, env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_PYTHON_TIDEGATE_POLICY": path}
    )
    assert f"{path}, line 2" in ended.stderr
    assert "Nothing is recorded or sent until this is corrected." in ended.stderr
    assert (receiver.spans, receiver.logs) == ([], [])


def test_a_changed_policy_is_in_force_within_the_life_of_the_process(
    sent: Callable[..., OtlpReceiver], policy: Callable[[object], str]
) -> None:
    path = policy({"traces": {"rules": [{"match": {"name": "pay"}, "drop": True}]}})
    program = f"""
import json, time
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import Decision
from pathlib import Path
Path({path!r}).write_text(json.dumps({{"traces": {{"rules": [{{"match": {{"name": "refund"}}, "drop": True}}]}}}}))
sampled = False
while not sampled:
    with trace.get_tracer("test").start_as_current_span("pay") as span:
        sampled = span.get_span_context().trace_flags.sampled
    time.sleep(0.02)
with trace.get_tracer("test").start_as_current_span("refund"):
    pass
"""
    assert sent(program, OTEL_PYTHON_TIDEGATE_POLICY=path).span_names == {"pay"}


def test_health_says_that_a_policy_was_refused(run: Run, program: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"logs": {"budget": 5}}')
    source = f"""
import time
from pathlib import Path
from tidegate import configure_observability, watch
configure_observability(policy={str(path)!r})
Path({str(path)!r}).write_text("nonsense")
[policy] = [check for make in watch.builtin for check in make() if check.name == "policy"]
while (found := policy.call()).status == "healthy":
    time.sleep(0.1)
print(found.status, found.detail)
"""
    assert run([sys.executable, program(source)]).stdout.startswith("degraded not taken over: ")


def test_a_policys_rules_may_ask_for_the_service_and_its_resource(
    sent: Callable[..., OtlpReceiver], policy: Callable[[object], str]
) -> None:
    rules = [
        {"match": {"service": "shop", "resource": {"tier": "gold"}, "name": "pay"}, "drop": True},
        {"match": {"service": "other"}, "drop": True},
    ]
    receiver = sent(
        TRACES,
        OTEL_PYTHON_TIDEGATE_POLICY=policy({"traces": {"rules": rules}}),
        OTEL_RESOURCE_ATTRIBUTES="service.name=shop,tier=gold",
    )
    assert receiver.span_names == {"GET /healthz"}


def test_nothing_is_sent_when_the_policy_that_an_argument_names_is_not_there(
    run: Run, program: Callable[..., Path], receiver: OtlpReceiver
) -> None:
    source = """
from opentelemetry import trace
import tidegate
try:
    tidegate.configure_observability(policy="nowhere.yaml")
except tidegate.ConfigurationError as error:
    print(error)
with trace.get_tracer("test").start_as_current_span("lost"):
    pass
"""
    shown = run([sys.executable, program(source)], env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}).stdout
    assert "nowhere.yaml cannot be read" in shown
    assert receiver.spans == []


def test_a_server_that_gives_no_policy_leaves_traces_to_the_default_budget(
    run: Run, program: Callable[..., Path], free_port: int
) -> None:
    source = f"""
from opentelemetry import trace
import tidegate
tidegate.configure_observability(policy="http://127.0.0.1:{free_port}/policy")
print(trace.get_tracer_provider().sampler.get_description())
"""
    assert "traces_per_second=100" in run([sys.executable, program(source)]).stdout


def test_a_policy_that_says_nothing_of_traces_leaves_them_to_the_budget(
    sent: Callable[..., OtlpReceiver], policy: Callable[[object], str]
) -> None:
    program = """
from opentelemetry import trace
for _ in range(1000):
    with trace.get_tracer("test").start_as_current_span("busy"):
        pass
"""
    path = policy({"logs": {"budget": 5}})
    receiver = sent(program, OTEL_PYTHON_TIDEGATE_POLICY=path, OTEL_PYTHON_TIDEGATE_TRACE_BUDGET="100000")
    assert len(receiver.spans) == 1000


def test_a_policy_beside_send_all_is_said_to_have_no_effect(instrument: Run, policy: Callable[[object], str]) -> None:
    ended = instrument(
        "print('fine')",
        env={"OTEL_PYTHON_TIDEGATE_POLICY": policy({"logs": {"budget": 5}}), "OTEL_PYTHON_TIDEGATE_SEND": "all"},
    )
    assert "has no effect: everything is sent, by OTEL_PYTHON_TIDEGATE_SEND." in ended.stderr


def test_the_counts_of_a_program_that_ends_at_once_are_sent_with_its_last_metrics(
    sent: Callable[..., OtlpReceiver],
) -> None:
    metrics = {metric.name: metric for metric in sent(FLOOD, **PLAIN_TABLE).metrics}
    seen = sum(point.as_int for point in metrics["tidegate.log.pattern.seen"].sum.data_points)
    kept = sum(point.as_int for point in metrics["tidegate.log.pattern.kept"].sum.data_points)
    assert seen == 4040
    assert 640 < kept < 1040


def test_the_counts_of_a_program_that_ends_at_once_are_recorded(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    sent(FLOOD, **PLAIN_TABLE)
    points = [point for point in recorded().points if point.metric.name == "tidegate.log.pattern.seen"]
    last = max(point.time_unix_nano for point in points)
    assert sum(int(point.value["as_int"]) for point in points if point.time_unix_nano == last) == 4040


TASK = """
import logging
logging.getLogger().setLevel("DEBUG")
log = logging.getLogger("app")
for number in range(50):
    log.debug("step %d", number)
log.error("failed")
"""


@pytest.mark.parametrize(("context", "least", "most"), [("task", 50, 50), ("trace", 0, 20), ("off", 0, 20)])
def test_outside_of_traces_an_error_brings_its_task_if_that_is_asked_for(
    sent: Callable[..., OtlpReceiver], context: str, least: int, most: int
) -> None:
    steps = [b for b in bodies(sent(TASK, OTEL_PYTHON_TIDEGATE_LOG_CONTEXT=context, **PLAIN_TABLE)) if "step" in b]
    assert least <= len(steps) <= most


def test_what_the_sampler_decides_is_counted(sent: Callable[..., OtlpReceiver]) -> None:
    receiver = sent(TRACES, OTEL_TRACES_SAMPLER="parentbased_tidegate", OTEL_TRACES_SAMPLER_ARG="0")
    [decisions] = [metric for metric in receiver.metrics if metric.name == "tidegate.sampler.decisions"]
    assert [(point.attributes[0].value.string_value, point.as_int) for point in decisions.sum.data_points] == [
        ("dropped_by_budget", 40)
    ]
