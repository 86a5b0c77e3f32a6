"""The log gate in a real LoggerProvider, behind OpenTelemetry's own logging handler."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, cast

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs._internal import ConcurrentMultiLogRecordProcessor
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from gating import COUNT, PATTERN, REASON, TEMPLATE, Gated, attribute, memory, scope
from tidegate.errors import ConfigurationError
from tidegate.gate.policy import Condition, LogPolicy, LogRule, Policy
from tidegate.gate.processor import PatternLogRecordProcessor


class Seen(LogRecordProcessor):
    """Another processor of the same provider, which keeps the very records."""

    def __init__(self) -> None:
        self.records: list[ReadWriteLogRecord] = []
        self.ended = 0

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.records.append(log_record)

    def shutdown(self) -> None:
        self.ended += 1

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class Failing(Seen):
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        raise RuntimeError("no disk")


# -- what is kept


def test_a_plain_table_keeps_its_shares_and_every_error() -> None:
    gated = Gated(min_rate=0)
    levels = [logging.DEBUG] * 8 + [logging.INFO] * 8 + [logging.WARNING] * 3 + [logging.ERROR]
    for number in range(10_000):
        level = levels[number % 20]
        gated.log.log(level, "level %d did %d", level, number)
    shares = {logging.DEBUG: 0.05, logging.INFO: 0.2, logging.WARNING: 0.5, logging.ERROR: 1.0}
    expected = sum(10_000 * levels.count(level) / 20 * p for level, p in shares.items())
    sigma = math.sqrt(sum(10_000 * levels.count(level) / 20 * p * (1 - p) for level, p in shares.items()))
    kept = gated.kept()
    errors = [record for record in kept if record.log_record.severity_number is SeverityNumber.ERROR]
    assert len(errors) == 500
    assert abs(len(kept) - expected) < 3 * sigma


def test_adjusted_counts_add_up_to_what_was_emitted() -> None:
    gated = Gated(min_rate=0)
    for number in range(20_000):
        gated.log.info("order %d", number)
    # 4,000 kept, each for 5: the standard deviation is 5 · sqrt(20,000 · 0.2 · 0.8)
    assert abs(gated.stands_for() - 20_000) < 3 * 283


def test_a_rare_pattern_is_kept_whole() -> None:
    gated = Gated()
    for number in range(100):
        gated.clock.now += 2.0
        gated.log.debug("seldom %d", number)
    assert gated.counted() == 100


def test_an_event_is_always_kept() -> None:
    gated = Gated(severity_rates={"DEBUG": 0}, min_rate=0)
    for number in range(50):
        gated.log.debug("bought", extra={"event.name": "shop.bought", "number": number})
    assert len(gated.kept()) == 50
    assert {attribute(record, REASON) for record in gated.kept()} == {"event"}


def test_no_rate_lowers_an_error() -> None:
    rule = LogRule((Condition("logger", "shop"),), rate=0.0)
    rates: dict[str, Any] = {
        "severity_rates": {"ERROR": 0, "FATAL": 0},
        "pattern_rates": {"*": 0},
        "logger_rates": {"*": 0},
    }
    gated = Gated(global_rate=0, min_rate=0, rules=[rule], budget=0, **rates)
    for number in range(50):
        gated.log.error("broken %d", number)
        gated.log.critical("down %d", number)
    assert gated.counted() == 100


def test_rates_by_pattern_and_logger_hold_for_their_own() -> None:
    gated = Gated(pattern_rates={"noise *": 0}, logger_rates={"shop.quiet": 0})
    quiet = logging.Logger("shop.quiet", logging.DEBUG)
    quiet.addHandler(gated.handler)
    for number in range(20):
        gated.log.info("noise %d", number)
        quiet.info("still %d", number)
        gated.clock.now += 5
        gated.log.info("signal %d", number)
    assert {body.split()[0] for body in gated.bodies()} == {"signal"}


def test_a_rule_may_ask_for_an_attribute() -> None:
    rule = LogRule((Condition("attribute", "eu", key="region"),), rate=0.0)
    gated = Gated(rules=[rule], min_rate=0, severity_rates={"INFO": 1.0})
    for number in range(20):
        gated.log.info("order %d", number, extra={"region": "eu" if number % 2 else "us"})
    first_sight_and_others = {attribute(record, "region") for record in gated.kept()[1:]}
    assert first_sight_and_others == {"us"}


# -- what a kept record says


def test_a_kept_record_tells_its_pattern_and_count() -> None:
    gated = Gated(min_rate=0, severity_rates={"INFO": 0.5})
    for number in range(40):
        gated.log.info("order of user-%d", number)
    last = gated.kept()[-1]
    (row,) = gated.processor.counts()
    assert (attribute(last, COUNT), attribute(last, PATTERN)) == (2.0, row.id)
    assert attribute(last, TEMPLATE) == row.template
    assert attribute(last, REASON) is None


def test_the_first_of_a_pattern_says_why_it_is_kept() -> None:
    gated = Gated(min_rate=0, severity_rates={"INFO": 0.01})
    gated.log.info("new %s", "thing")
    (record,) = gated.kept()
    assert (attribute(record, REASON), attribute(record, COUNT)) == ("first_sight", 1.0)


def test_other_processors_have_the_record_as_it_was() -> None:
    gated, before, after = Gated(), Seen(), Seen()
    gated.provider._multi_log_record_processor._log_record_processors = (before, gated.processor, after)
    gated.log.error("broken", extra={"order": 7})
    assert [dict(each.records[0].log_record.attributes or {}) for each in (before, after)] == [{"order": 7}] * 2


def test_what_a_later_processor_changes_is_not_passed_on() -> None:
    gated = Gated()

    class Changing(Seen):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            log_record.log_record.attributes["order"] = "changed"  # type: ignore[index]

    gated.provider.add_log_record_processor(Changing())
    gated.log.error("broken", extra={"order": 7})
    assert attribute(gated.kept()[0], "order") == 7


def test_our_attributes_push_none_of_the_applications_out() -> None:
    gated = Gated()
    many = {f"a{number}": number for number in range(128)}
    gated.log.error("full", extra=many)
    assert {name: attribute(gated.kept()[0], name) for name in many} == many


def test_time_stamps_and_resource_stay() -> None:
    gated = Gated()
    gated.provider.add_log_record_processor(seen := Seen())
    gated.log.error("now")
    (kept,), (original,) = gated.kept(), seen.records
    assert kept.log_record.timestamp == original.log_record.timestamp
    assert kept.log_record.observed_timestamp == original.log_record.observed_timestamp
    assert kept.resource is original.resource


def test_each_of_several_processors_gets_what_is_kept() -> None:
    other = memory()
    gated = Gated(behind=[SimpleLogRecordProcessor(other)])
    gated.log.error("both")
    assert len(gated.kept()) == len(other.get_finished_logs()) == 1


@pytest.mark.parametrize("early", [False, True])
def test_a_provider_that_asks_its_processors_in_other_threads_is_served(early: bool) -> None:
    gated = Gated(early=early, min_rate=0)
    several = ConcurrentMultiLogRecordProcessor()
    several.add_log_record_processor(gated.processor)
    gated.provider._multi_log_record_processor = several
    for number in range(200):
        gated.log.info("order %d", number)
    assert gated.seen() == 200
    assert gated.counted() == len(gated.kept())


# -- traces


@pytest.mark.parametrize("early", [False, True])
def test_records_of_a_trace_have_one_fate(early: bool) -> None:
    gated = Gated(early=early, min_rate=0, context=False, severity_rates={"INFO": 0.5})
    gated.log.info("step %d of %s", 0, "x")  # its first sight
    for trace in range(100):
        with gated.tracer.start_as_current_span("request"):
            for step in range(4):
                gated.log.info("step %d of %s", step, trace)
    by_trace: dict[str, int] = {}
    for body in gated.bodies()[1:]:
        trace_name = body.split()[-1]
        by_trace[trace_name] = by_trace.get(trace_name, 0) + 1
    assert set(by_trace.values()) == {4}
    assert 25 < len(by_trace) < 75


def test_records_of_a_sampled_trace_are_kept_together_with_its_count() -> None:
    gated = Gated(min_rate=0, context=False, severity_rates={"INFO": 0.01})
    gated.log.info("step %d", 0)
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, use_span

    # th:c keeps a quarter of all traces; this one's randomness is above it
    state = TraceState([("ot", "th:c;rv:f0000000000000")])
    with use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state))):
        for step in range(5):
            gated.log.info("step %d", step)
    assert [attribute(record, COUNT) for record in gated.kept()[1:]] == [4.0] * 5


def test_a_trace_that_is_not_sampled_lends_its_records_nothing() -> None:
    gated = Gated(min_rate=0, context=False, severity_rates={"INFO": 0})
    gated.traces.sampler = TraceIdRatioBased(0)
    with gated.traces.get_tracer("other").start_as_current_span("request"):
        for step in range(5):
            gated.log.info("step %d", step)
    assert gated.counted() == 0


# -- what is not judged


def test_what_an_exporter_logs_does_not_come_back() -> None:
    gated = Gated(min_rate=0)

    class Chatty(InMemoryLogRecordExporter):
        def export(self, batch: Sequence[Any]) -> Any:
            gated.log.error("exporting %d", len(batch))
            return super().export(batch)

    make: Any = Chatty
    gated.processor.next = (SimpleLogRecordProcessor(chatty := make()),)
    logger = gated.provider.get_logger("api")  # not by the handler, which has a guard of its own
    logger.emit(LogRecord(severity_number=SeverityNumber.ERROR, body="broken"))
    assert [record.log_record.body for record in chatty.get_finished_logs()] == ["broken"]
    assert gated.seen() == 1


def test_what_is_logged_under_suppression_is_left_out() -> None:
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

    gated = Gated()
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    gated.log.error("of an exporter")
    detach(token)
    assert (gated.kept(), gated.seen()) == ([], 0)


def test_our_own_records_pass_and_are_not_counted() -> None:
    gated = Gated(min_rate=0, severity_rates={"INFO": 0})
    own = logging.Logger("tidegate", logging.DEBUG)
    own.addHandler(gated.handler)
    own.info("something about ourselves")
    assert [scope(record) for record in gated.kept(events=True)] == ["tidegate"]
    assert gated.seen() == 0


def test_a_second_gate_behind_the_first_judges_nothing_again() -> None:
    exporter = memory()
    second = PatternLogRecordProcessor(SimpleLogRecordProcessor(exporter), min_rate=0, severity_rates={"INFO": 0})
    gated = Gated(min_rate=0, severity_rates={"INFO": 0.5}, behind=[second])
    for number in range(50):
        gated.log.info("order %d", number)
    assert len(exporter.get_finished_logs()) == len(gated.kept()) > 10
    assert second.counts() == []


# -- bad input


class Hostile:
    def __str__(self) -> str:
        raise ValueError("no text")


BODIES: list[Any] = [
    None,
    b"bytes \xff",
    {"a": {"b": [1, 2]}},
    ["x", 1],
    3.5,
    "",
    "\ud800 surrogate",
    "nul \0 and \x1b[31m",
    "x" * 1_000_000,
    {"self": object()},
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body)[:12].encode("ascii", "replace").decode())
def test_any_body_is_counted_and_passed(body: Any) -> None:
    gated = Gated()
    gated.provider.get_logger("api").emit(LogRecord(severity_number=SeverityNumber.INFO, body=body))
    assert (gated.seen(), len(gated.kept()), gated.processor.failures) == (1, 1, 0)


def test_a_record_without_anything_is_passed() -> None:
    gated = Gated()
    gated.provider.get_logger("api").emit(LogRecord())
    assert (gated.seen(), len(gated.kept())) == (1, 1)


def test_an_object_without_a_text_is_counted_and_passed() -> None:
    gated, hostile = Gated(), cast("Any", Hostile())
    gated.provider.get_logger("api").emit(LogRecord(body=hostile))
    assert (gated.seen(), len(gated.kept())) == (1, 1)


def test_a_processor_that_fails_harms_neither_the_application_nor_the_others() -> None:
    gated = Gated(behind=[Failing()])
    gated.processor.next = gated.processor.next[::-1]
    gated.log.error("broken")
    assert (gated.bodies(), gated.processor.failures) == (["broken"], 1)


def test_a_million_different_messages_stay_bounded() -> None:
    gated = Gated(max_pattern_cache_size=100, min_rate=0, severity_rates={"INFO": 0})
    emit = gated.provider.get_logger("api").emit
    words = ["".join(chr(97 + (number * 7 + place * 3) % 26) for place in range(9)) for number in range(2000)]
    for number, word in enumerate(words):
        emit(LogRecord(severity_number=SeverityNumber.INFO, body=f"{word} {words[-number]} {word[::-1]}"))
    assert gated.seen() == 2000
    assert len(gated.processor.counts()) <= 102


# -- policy


def test_a_policy_object_goes_before_the_arguments() -> None:
    policy = Policy(logs=LogPolicy(severity_rates={"INFO": 0}, min_rate=0.5))
    gated = Gated(policy=policy, severity_rates={"INFO": 1.0}, min_rate=0)
    for number in range(50):
        gated.log.info("order %d", number)
    assert gated.counted() < 10


def test_what_a_policy_leaves_out_is_as_the_arguments_say() -> None:
    gated = Gated(policy=Policy(logs=LogPolicy(global_rate=0.5)), min_rate=0, severity_rates={"INFO": 0})
    gated.log.info("order %d", 1)
    assert gated.counted() == 0


def test_a_policy_applies_to_the_next_record() -> None:
    gated = Gated(early=True, min_rate=0, severity_rates={"INFO": 0})
    for number in range(50):
        gated.log.info("order %d", number)
    before = gated.counted()
    gated.processor.apply(Policy(logs=LogPolicy(severity_rates={"INFO": 1.0})))
    for number in range(50):
        gated.log.info("order %d", number)
    assert (before, gated.counted(), gated.seen()) == (0, 50, 100)


def test_a_wrong_policy_is_refused_and_changes_nothing() -> None:
    gated = Gated(min_rate=0, severity_rates={"INFO": 0})
    with pytest.raises(ConfigurationError, match="global_rate is 7"):
        gated.processor.apply(Policy(logs=LogPolicy(global_rate=7)))
    gated.log.info("order %d", 1)
    assert gated.counted() == 0


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="anomaly_boost"):
        Gated(anomaly_boost=0.5)
    with pytest.raises(ConfigurationError, match="policy is of type int"):
        Gated(policy=7)
    with pytest.raises(ConfigurationError, match="fallback_sample_rate is 2"):
        Gated(policy="http://127.0.0.1:9/policy", fallback_sample_rate=2)


# -- the end


def test_shutdown_ends_what_is_behind_once_and_nothing_is_judged_after() -> None:
    gated = Gated(behind=[seen := Seen()])
    gated.log.info("before")
    gated.processor.shutdown()
    gated.processor.shutdown()
    gated.log.info("after")
    assert (seen.ended, gated.seen()) == (1, 1)


def test_flushing_reaches_everything_behind() -> None:
    class Slow(Seen):
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return False

    assert Gated(behind=[Seen()]).provider.force_flush()
    assert not Gated(behind=[Slow(), Seen()]).provider.force_flush()


def test_it_is_enabled_as_long_as_something_behind_is() -> None:
    class Off(Seen):
        def enabled(self, **asked: Any) -> bool:
            return False

    gated = Gated()
    assert gated.provider.get_logger("api").enabled()
    gated.processor.next = (Off(),)
    assert not gated.provider.get_logger("api").enabled()


@pytest.mark.parametrize("text", ["ERROR", "critical", "Fatal", "err"])
def test_an_error_by_its_text_alone_is_kept(text: str) -> None:
    gated = Gated(global_rate=0, severity_rates={})
    gated.provider.get_logger("app").emit(LogRecord(severity_text=text, body="by text"))
    assert gated.bodies() == ["by text"]
