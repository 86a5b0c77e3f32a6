"""What is sent to an OTLP endpoint, beside what is recorded."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from otlp_receiver import OtlpReceiver
from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

SAMPLED = 0x01

#: So many traces at once are more than the default budget.
ALL = {"OTEL_PYTHON_TIDEGATE_SEND": "all"}

PROGRAM = """
import logging
from opentelemetry import metrics, trace
for number in range(200):
    with trace.get_tracer("test").start_as_current_span(f"span {number}", attributes={"number": number}) as span:
        span.set_attribute("later", True)
logging.getLogger("app").warning("a log record")
metrics.get_meter("test").create_counter("jobs").add(3)
"""


def test_all_three_signals_are_sent_to_an_endpoint_and_recorded(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    receiver, seen = sent(PROGRAM, **ALL), recorded()
    assert receiver.span_names == seen.names.keys() == {f"span {number}" for number in range(200)}
    assert [log.body.string_value for log in receiver.logs] == ["a log record"]
    assert seen.bodies == {"a log record": 1}
    assert "jobs" in {metric.name for metric in receiver.metrics}
    assert "jobs" in {point.metric.name for point in seen.points}


def test_what_is_sent_is_what_is_recorded_by_its_ids(sent: Callable[..., OtlpReceiver], recorded: See) -> None:
    receiver, seen = sent(PROGRAM, **ALL), recorded()
    assert {span.span_id.hex() for span in receiver.spans} == {span.span_id for span in seen.spans}
    assert len(receiver.spans) == len(seen.spans) == 200


def test_an_endpoint_of_one_signal_sends_only_that_one(instrument: Run, receiver: OtlpReceiver, recorded: See) -> None:
    instrument(PROGRAM, env={"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.endpoint}/v1/logs"})
    assert (len(receiver.spans), len(receiver.logs), len(receiver.metrics)) == (0, 1, 0)
    assert len(recorded().spans) == 200


def test_a_signal_whose_exporter_is_none_is_recorded_and_not_sent(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    receiver = sent(PROGRAM, OTEL_TRACES_EXPORTER="none")
    assert receiver.spans == []
    assert len(receiver.logs) == 1
    assert len(recorded().spans) == 200


def test_with_the_sampler_always_off_nothing_is_sent_and_everything_is_recorded(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    receiver, seen = sent(PROGRAM, OTEL_TRACES_SAMPLER="always_off"), recorded()
    assert receiver.spans == []
    assert len(seen.spans) == 200
    assert not any(span.flags & SAMPLED for span in seen.spans)
    assert all(span.attributes["later"] for span in seen.spans)
    assert sorted(span.attributes["number"] for span in seen.spans) == list(range(200))


def test_a_ratio_sends_its_share_and_records_all_with_their_flags(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    receiver = sent(PROGRAM, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
    seen = recorded()
    assert len(seen.spans) == 200
    # 200 spans at one half: outside of these bounds once in 10^9 runs
    assert 50 < len(receiver.spans) < 150
    sampled = {span.span_id for span in seen.spans if span.flags & SAMPLED}
    assert {span.span_id.hex() for span in receiver.spans} == sampled


def test_a_child_of_a_trace_that_is_not_sampled_is_recorded_and_not_sent(
    sent: Callable[..., OtlpReceiver], recorded: See
) -> None:
    program = """
        from opentelemetry import propagate, trace
        parent = propagate.extract({"traceparent": f"00-{1:032x}-{2:016x}-00"})
        with trace.get_tracer("test").start_as_current_span("child", context=parent):
            with trace.get_tracer("test").start_as_current_span("grandchild"):
                pass
    """
    receiver = sent(program, OTEL_TRACES_SAMPLER="parentbased_always_on")
    assert receiver.spans == []
    assert recorded().names == {"child": 1, "grandchild": 1}
    assert {span.trace_id for span in recorded().spans} == {f"{1:032x}"}


def test_attributes_and_trace_state_of_a_sampler_are_neither_lost_nor_doubled(run: Run, program: Run) -> None:
    source = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
        from opentelemetry.trace import TraceState
        import tidegate

        class Choosy(Sampler):
            def should_sample(self, context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
                decision = Decision.DROP if name == "dropped" else Decision.RECORD_AND_SAMPLE
                return SamplingResult(decision, {**attributes, "rule": "7"}, TraceState([("vendor", "x")]))
            def get_description(self):
                return "Choosy"

        trace.set_tracer_provider(TracerProvider(sampler=Choosy()))
        handle = tidegate.configure_observability(instrument=False, store="memory:")
        for name in ("kept", "dropped"):
            trace.get_tracer("test").start_span(name, attributes={"own": 1}).end()
        handle.flush()
        with tidegate.store.open("memory:") as reader:
            for span in sorted(reader.spans(), key=lambda span: span.name):
                print(span.name, dict(span.attributes), span.trace_state, span.flags & 1)
    """
    done = run(["python", program(source)])
    assert done.stdout == "dropped {'own': 1, 'rule': '7'} vendor=x 0\nkept {'own': 1, 'rule': '7'} vendor=x 1\n"


def test_record_sampled_lets_the_sampler_drop_before_recording(instrument: Run, recorded: See) -> None:
    instrument(PROGRAM, env={"OTEL_TRACES_SAMPLER": "always_off", "OTEL_PYTHON_TIDEGATE_RECORD": "sampled"})
    assert recorded().spans == []
    assert recorded().bodies == {"a log record": 1}
