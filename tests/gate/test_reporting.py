"""What the log gate says of itself: metrics whose sums are exact, reports, and jumps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from gating import Gated, scope
from tidegate.gate.logs.reporting import (
    MAX_REPORTED,
    MAX_SERIES,
    OTHER,
    TEMPLATE_LENGTH,
    Report,
    Row,
    Series,
    attributes,
)

Wait = Callable[..., None]

NOTHING: dict[str, Any] = {"min_rate": 0, "severity_rates": {"DEBUG": 0, "INFO": 0, "WARN": 0}}


def row(number: int, seen: int, kept: int = 0, released: int = 0) -> Row:
    return Row(f"id{number}", f"pattern {number}", 9, seen, kept, released)


def values(points: list[tuple[int, dict[str, str]]]) -> dict[str, int]:
    return {attributes["tidegate.pattern.id"]: value for value, attributes in points}


# -- series


def test_the_largest_patterns_have_series_of_their_own_and_the_rest_is_one() -> None:
    found = values(Series(limit=2).points([row(1, 5), row(2, 50), row(3, 7), row(4, 1)], "seen"))
    assert found == {"id2": 50, "id3": 7, OTHER: 6}


def test_no_series_ever_falls_and_sums_are_exact() -> None:
    series, before = Series(limit=2), dict[str, int]()
    for turn in range(1, 20):
        rows = [row(number, seen=turn * (7 * number % 5 + 1)) for number in range(turn)]
        found = values(series.points(rows, "seen"))
        assert sum(found.values()) == sum(each.seen for each in rows)
        assert all(found.get(name, 0) >= value for name, value in before.items())
        before = found


def test_a_series_is_named_once_for_all_metrics() -> None:
    series = Series(limit=1)
    rows = [row(1, seen=10, kept=1), row(2, seen=9, kept=5)]
    assert values(series.points(rows, "seen")) == {"id1": 10, OTHER: 9}
    assert values(series.points(rows, "kept")) == {"id1": 1, OTHER: 5}


def test_a_long_template_is_cut() -> None:
    points = Series().points([Row("id", "x" * 1000, 9, 1, 1)], "seen")
    assert len(points[0][1]["log.record.template"]) == TEMPLATE_LENGTH


@pytest.mark.parametrize(("number", "name"), [(0, "UNSPECIFIED"), (8, "DEBUG"), (24, "FATAL")])
def test_a_series_says_its_severity(number: int, name: str) -> None:
    assert attributes(Row("id", "template", number, 1, 1))["severity"] == name


# -- reports


def test_a_report_tells_what_came_since_the_last_one() -> None:
    report = Report()
    report.next([row(1, 10, 2), row(2, 5, 5)])
    found = report.next([row(1, 13, 3, released=4), row(2, 5, 5)])
    assert {name: found[name] for name in found if name != "tidegate.log.top"} == {
        "tidegate.log.seen": 3,
        "tidegate.log.kept": 1,
        "tidegate.log.released": 4,
        "tidegate.log.patterns": 1,
    }


def test_a_report_without_news_is_empty() -> None:
    report = Report()
    report.next([row(1, 10)])
    assert report.next([row(1, 10)]) == {}


def test_a_report_names_the_busiest_patterns() -> None:
    top = Report().next([row(number, seen=number) for number in range(1, 100)])["tidegate.log.top"]
    assert [each["seen"] for each in top] == list(range(99, 99 - MAX_REPORTED, -1))


# -- metrics of a real provider


def measured(reader: InMemoryMetricReader) -> dict[str, dict[str, int]]:
    """Metric → pattern id → value."""
    data: Any = reader.get_metrics_data()
    found: dict[str, dict[str, int]] = {}
    for resource in data.resource_metrics if data is not None else ():
        for each in (metric for scoped in resource.scope_metrics for metric in scoped.metrics):
            found[each.name] = {point.attributes["tidegate.pattern.id"]: point.value for point in each.data.data_points}
    return found


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def meters(reader: InMemoryMetricReader) -> MeterProvider:
    return MeterProvider([reader], shutdown_on_exit=False)


@pytest.mark.parametrize("early", [False, True])
def test_metrics_are_exact(early: bool, reader: InMemoryMetricReader, meters: MeterProvider) -> None:
    gated = Gated(early=early, min_rate=0, severity_rates={"DEBUG": 0, "INFO": 0.2}, meter_provider=meters)
    for number in range(500):
        gated.log.info("order %d", number)
    with gated.tracer.start_as_current_span("request"):
        gated.log.debug("step %d", 1)
        gated.log.error("broken")
    found = measured(reader)
    assert sum(found["tidegate.log.pattern.seen"].values()) == 502
    assert sum(found["tidegate.log.pattern.kept"].values()) == len(gated.kept()) - 1
    assert sum(found["tidegate.log.pattern.released"].values()) == 1


def test_metrics_have_a_bounded_number_of_series(reader: InMemoryMetricReader, meters: MeterProvider) -> None:
    gated = Gated(early=True, meter_provider=meters, min_rate=0)
    for number in range(MAX_SERIES * 2):
        gated.log.error("".join((f"word {'abcdefghij'[number % 10]}{number}", " of %d")), 1)
    seen = measured(reader)["tidegate.log.pattern.seen"]
    assert len(seen) == MAX_SERIES + 1
    assert seen[OTHER] == MAX_SERIES


def test_two_gates_of_one_provider_add_up(reader: InMemoryMetricReader, meters: MeterProvider) -> None:
    gates = [Gated(meter_provider=meters, min_rate=0) for _ in range(2)]
    for gated in gates:
        gated.log.error("broken")
    assert list(measured(reader)["tidegate.log.pattern.seen"].values()) == [2]


def test_after_its_end_a_gate_still_has_its_metrics(reader: InMemoryMetricReader, meters: MeterProvider) -> None:
    gated = Gated(meter_provider=meters)
    gated.log.error("broken")
    gated.processor.shutdown()
    assert [sum(points.values()) for points in measured(reader).values()] == [1, 1]


# -- events


def events(gated: Gated, name: str) -> list[ReadableLogRecord]:
    return [record for record in gated.kept(events=True) if record.log_record.event_name == name]


REPORT, ANOMALY = "tidegate.log.pattern.report", "tidegate.log.pattern.anomaly"


def test_the_end_brings_the_last_report(wait_for: Wait) -> None:
    gated = Gated(early=True, min_rate=0, severity_rates={"INFO": 0})
    for number in range(100):
        gated.log.info("order %d", number)
    gated.provider.shutdown()
    (report,) = events(gated, REPORT)
    assert (report.log_record.attributes or {})["tidegate.log.seen"] == 100
    assert report.log_record.body == "0 of 100 log records kept in 0 s, of 1 patterns"


def test_without_records_there_is_no_report() -> None:
    gated = Gated()
    gated.provider.shutdown()
    assert gated.kept(events=True) == []


def test_where_nothing_was_held_back_there_is_no_report() -> None:
    gated = Gated()
    gated.log.info("all that a short program has to say")
    gated.provider.shutdown()
    assert len(gated.kept(events=True)) == 1


@pytest.mark.parametrize("early", [False, True])
def test_reports_come_by_the_clock_and_lose_nothing(early: bool, wait_for: Wait) -> None:
    gated = Gated(early=early, min_rate=0, severity_rates={"INFO": 0}, pattern_report_interval=60)
    for turn in range(3):
        for number in range(100):
            gated.log.info("order %d", number)
        gated.clock.now += 61
        gated.log.error("a record on whose way the report is found due")
        wait_for(lambda turn=turn: len(events(gated, REPORT)) == turn + 1)
    gated.log.info("order %d", 1)
    gated.provider.shutdown()
    reports = [record.log_record.attributes or {} for record in events(gated, REPORT)]
    assert sum(int(str(each["tidegate.log.seen"])) for each in reports) == gated.seen() == 304


def test_no_thread_waits_for_the_next_report(wait_for: Wait) -> None:
    gated = Gated(**NOTHING, pattern_report_interval=60)
    gated.log.info("order %d", 1)
    gated.clock.now += 61
    gated.log.error("broken")
    wait_for(lambda: events(gated, REPORT))
    wait_for(lambda: not [each for each in threading.enumerate() if each.name == "tidegate-report"])


def test_reports_are_neither_judged_nor_counted() -> None:
    gated = Gated(**NOTHING)
    gated.log.info("order %d", 1)
    gated.provider.shutdown()
    assert gated.seen() == 1
    assert [scope(record) for record in events(gated, REPORT)] == ["tidegate"]


def test_a_pattern_that_jumps_is_announced(wait_for: Wait) -> None:
    gated = Gated(severity_rates={"INFO": 0.5})
    for second in range(300):
        gated.clock.now += 1
        for number in range(200 if second > 280 else 1):
            gated.log.info("order %d", number)
    wait_for(lambda: events(gated, ANOMALY))
    attributes = events(gated, ANOMALY)[0].log_record.attributes or {}
    assert attributes["tidegate.anomaly.kind"] == "rate_jump"
    assert float(str(attributes["tidegate.anomaly.rate"])) > float(str(attributes["tidegate.anomaly.former_rate"]))


def test_a_provider_that_is_global_has_reports_once(run: Any, program: Any) -> None:
    import sys
    from pathlib import Path

    source = program(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from opentelemetry._logs import set_logger_provider
        from gating import Gated

        gated = Gated(min_rate=0, severity_rates={"INFO": 0})
        set_logger_provider(gated.provider)
        gated.log.info("order %d", 1)
        gated.provider.shutdown()
        print([record.log_record.event_name for record in gated.kept(events=True)])
        """
    )
    printed = run([sys.executable, source, Path(__file__).parents[1]]).stdout
    assert printed == "['tidegate.log.pattern.report']\n"


def test_a_report_of_every_pattern_there_can_be_is_small() -> None:
    gated = Gated(**NOTHING)
    emit = gated.provider.get_logger("api").emit
    for number in range(500):
        emit(LogRecord(severity_number=SeverityNumber.INFO, body=f"{'word' * (number % 20)}{number:x} broke"))
    gated.provider.shutdown()
    (report,) = events(gated, REPORT)
    assert len(str(report.log_record.attributes)) < 20_000
