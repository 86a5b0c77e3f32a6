"""What the leader of a route decides on, and what it writes down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from making import log, span
from office import Office
from tidegate.gate.policy import Condition, LogPolicy, TracePolicy, TraceRule
from tidegate.ship.frames import Frame
from tidegate.ship.memory import MemoryLog
from tidegate.ship.points import NewestPoints
from tidegate.store.tailing import Portion
from tidegate.store.watermark import Watermark

Open = Callable[..., Office]

DEBUG = 5

#: Numbers of traces: chance keeps the first one of all last, and the other one first.
LOW, HIGH = 1, (1 << 56) - 1


@pytest.fixture
def office(tmp_path: Path) -> Open:
    return lambda **options: Office(tmp_path / "store", **options)


def test_only_the_rows_of_the_route_are_judged(office: Open) -> None:
    ours = office(traces="all", logs="all")
    ours.commit(span("ours"))
    ours.commit(span("theirs"), by=ours.process("1" * 16))
    ours.commit(span("nobody's"), by=ours.process(""))
    ours.judge()
    ours.send()
    assert ours.names == ["ours"]


def test_a_kept_span_says_with_which_threshold_and_why(office: Open) -> None:
    ours = office()
    ours.commit(span("failed", error=True, sampled=False))
    ours.judge()
    ours.send()
    [found] = ours.spans.spans
    assert dict(found.attributes or {}) == {"tidegate.sampling.reason": "error"}
    assert found.context is not None
    assert found.context.trace_state.get("ot") == "th:0"


def test_what_a_late_error_brings_stands_for_nothing(office: Open) -> None:
    ours = office()
    ours.commit(span("work", trace=2, sampled=False))
    ours.judge()
    ours.commit(span("work", trace=LOW, sampled=False))
    ours.judge()
    ours.commit(span("late", id=2, parent=1, trace=LOW, error=True, sampled=False))
    ours.judge()
    ours.send()
    counts = {(each.name, (each.attributes or {}).get("tidegate.adjusted_count")) for each in ours.spans.spans}
    assert counts == {("work", None), ("work", 0.0), ("late", None)}


def test_by_a_standard_sampler_what_is_sampled_goes_and_is_as_it_was(office: Open) -> None:
    ours = office(traces="sampled")
    ours.commit(span("in", trace=1), span("out", trace=2, error=True, sampled=False))
    ours.judge()
    ours.send()
    [found] = ours.spans.spans
    assert (found.name, dict(found.attributes or {})) == ("in", {})


@pytest.mark.parametrize("mode", ["gated", "sampled", "all"])
def test_an_error_brings_the_log_records_of_its_trace(office: Open, mode: str) -> None:
    ours = office(traces=mode, log_policy=LogPolicy(severity_rates={"DEBUG": 1e-9}, min_rate=0.0))
    ours.commit(log("first", severity=DEBUG), log("first", severity=DEBUG))
    ours.commit(*(log(f"step {number}", severity=DEBUG, trace=LOW) for number in range(5)))
    ours.lead.look(ours.now)
    ours.commit(span(trace=LOW, error=True))
    ours.judge()
    ours.commit(log("step 5", severity=DEBUG, trace=LOW))
    ours.judge()
    ours.send()
    assert {f"step {number}" for number in range(6)} <= set(ours.bodies)


def test_log_records_of_a_trace_without_an_error_are_judged_by_their_pattern(office: Open) -> None:
    ours = office(log_policy=LogPolicy(severity_rates={"DEBUG": 1e-9}, min_rate=0.0))
    ours.commit(*(log(f"step {number}", severity=DEBUG, trace=LOW) for number in range(5)))
    ours.commit(span(trace=LOW))
    ours.judge()
    ours.send()
    assert ours.bodies == ["step 0"]  # the first sight of its pattern


def test_a_policy_that_comes_later_is_obeyed(office: Open) -> None:
    ours = office(traces="gated")
    ours.plan.trace_policy = TracePolicy(rules=(TraceRule((Condition("name", "health"),), rate=0.0),))
    ours.commit(span("health", trace=1), span("pay", trace=2))
    ours.judge()
    ours.send()
    assert ours.names == ["pay"]


def test_the_next_leader_decides_nothing_again(office: Open) -> None:
    ours = office(traces="all", logs="all")
    process = ours.process()
    ours.commit(span("before"), by=process)
    ours.judge()
    ours.send()
    ours.lead = ours.elect()
    ours.commit(span("after"), by=process)
    ours.judge()
    ours.send()
    assert ours.names == ["before", "after"]


def test_what_the_last_leader_decided_is_let_go_when_it_is_read(office: Open) -> None:
    ours = office()
    process = ours.process()
    ours.commit(span("waits", id=2, parent=1, trace=HIGH), by=process)
    ours.commit(span("failed", trace=LOW, error=True), by=process)
    ours.judge()
    ours.send()
    ours.lead = ours.elect()
    [decided] = ours.lead.judge._decided.values()
    ours.judge()
    ours.send()
    assert (decided, ours.lead.judge._decided, ours.names) == ({1}, {}, ["failed"])


class Failing:
    """Reads nothing."""

    pending = True

    def __init__(self, error: Exception) -> None:
        self.error = error

    def poll(self) -> list[Portion]:
        raise self.error

    def watermark(self, undecided: Mapping[str, int]) -> Watermark:
        return Watermark()


class FullLog(MemoryLog):
    """Has no room at the first try."""

    is_full = True

    def append(self, frame: Frame) -> None:
        if self.is_full:
            self.is_full = False
            raise OSError("no room")
        super().append(frame)


def test_what_could_not_be_written_down_is_kept_until_it_can(office: Open) -> None:
    ours = office(traces="all")
    ours.log.__class__ = FullLog
    ours.commit(span("kept"))
    ours.lead.look(ours.now)
    assert ours.lead.problem == "no room"
    ours.lead.look(ours.now)
    ours.send()
    assert (ours.lead.problem, ours.names) == ("", ["kept"])


def test_a_signal_that_cannot_be_read_is_told_and_keeps_nobody_busy(office: Open) -> None:
    ours = office(traces="all", logs="all")
    ours.lead.judge._followers["logs"] = Failing(OSError("no descriptor"))  # type: ignore[assignment]
    ours.lead.look(ours.now)
    assert (ours.lead.problem, ours.lead.judge.pending) == ("logs cannot be read for now: no descriptor", False)


@pytest.mark.parametrize("error", [OSError("no descriptor"), ZeroDivisionError("a mistake of ours")])
def test_what_one_signal_said_is_kept_when_another_fails(office: Open, error: Exception) -> None:
    ours = office(logs="all")
    judge = ours.lead.judge
    judge.points, judge._followers["metrics"] = NewestPoints(60), Failing(error)  # type: ignore[assignment]
    ours.commit(log("read"))
    with contextlib.suppress(ZeroDivisionError):
        ours.lead.look(ours.now)
    judge.points = None
    del judge._followers["metrics"]
    ours.judge()
    ours.send()
    assert ours.bodies == ["read"]


def test_segments_of_undecided_traces_are_named_as_unsent(office: Open) -> None:
    ours = office()
    process = ours.process()
    ours.commit(span("child", id=2, parent=1, trace=HIGH), by=process)
    ours.lead.look(ours.now)
    assert len(ours.lead.judge.unread()) == 1
    ours.commit(span("root", trace=HIGH), by=process)
    ours.judge()
    assert ours.lead.judge.unread() == set()


def test_what_is_kept_and_dropped_is_counted_by_reason(office: Open) -> None:
    ours = office()
    ours.commit(span("failed", trace=LOW, error=True, sampled=False))
    ours.judge()
    counts = ours.log.standing.counts
    assert counts["kept"]["traces"] == {"error": 1}
