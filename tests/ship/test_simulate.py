"""What another policy would have kept is found by the gate itself, on the clock of the records."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import tidegate.store
from leading import lead
from making import T0, log, put, resource, span
from sealing import seal
from tidegate.gate.policy import Condition, LogPolicy, TracePolicy, TraceRule
from tidegate.gate.threshold import MAX
from tidegate.settings import load
from tidegate.ship.frames import Frame
from tidegate.ship.route import Target, route_of
from tidegate.ship.simulate import MINUTE_NS, Rulebook, Simulation, simulate
from tidegate.ship.verdicts import VerdictLog
from tidegate.store.sinks import FileSink

S = 10**9


@pytest.fixture
def web(store_dir: Path) -> Iterator[FileSink]:
    sink = FileSink(str(store_dir))
    yield sink
    sink.close()


@pytest.fixture
def stock(store_dir: Path) -> Iterator[FileSink]:
    sink = FileSink(str(store_dir))
    yield sink
    sink.close()


def simulated(store_dir: Path, book: Rulebook | None = None, **window: object) -> Simulation:
    with tidegate.store.open(str(store_dir)) as reader:
        return simulate(reader, book or Rulebook(), **window)  # type: ignore[arg-type]


def requests(web: FileSink, stock: FileSink, seconds: int, rate: int, *, failing: float = 0.0) -> None:
    """So many a second, each through two services, none of them sampled."""
    draw = random.Random(1)
    for second in range(seconds):
        asked, answered = [], []
        for number in range(rate):
            trace, at = draw.getrandbits(128), int((second + number / rate) * S)
            name, failed = f"GET /{number % 3}", draw.random() < failing
            asked.append(span(name, at, trace=trace, duration=S // 10, sampled=False))
            answered.append(
                span("ask", at + 1000, trace=trace, id=2, parent=1, remote=True, error=failed, sampled=False)
            )
        put(web, asked)
        put(stock, answered, resource("stock"))


def test_the_budget_is_kept_by_samplers_that_decide_anew(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 40, 30)
    found = simulated(store_dir, Rulebook(budget=10.0))
    assert sum(found.by_reason("kept").values()) == pytest.approx(400, rel=0.1)
    assert found.spans == 2400
    assert sum(share.seen for share in found.keys.values()) == 1200


def test_errors_are_counted_under_the_key_of_their_trace(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 10, 30, failing=0.05)
    found = simulated(store_dir, Rulebook(budget=20.0))
    assert set(found.keys) == {"shop GET /0", "shop GET /1", "shop GET /2"}
    assert sum(share.reasons["error"] for share in found.keys.values()) == found.by_reason("kept")["error"] > 5


def test_whole_traces_are_kept(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 10, 30)
    found = simulated(store_dir, Rulebook(budget=10.0))
    assert found.traces["spans_kept"] == 2 * sum(found.by_reason("kept").values())
    assert all(share.spans_kept == 2 * share.kept for share in found.keys.values())


def test_a_rule_drops_what_it_matches(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 5, 30)
    drop = TracePolicy(rules=(TraceRule((Condition("route", "/1"),), 0.0),))
    found = simulated(store_dir, Rulebook(drop))
    assert found.keys["shop GET /1"].kept == 0
    assert found.by_reason("dropped")["rule"] == 50
    assert found.keys["shop GET /0"].kept == 50


def test_a_policys_budget_goes_before(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 2, 30)
    found = simulated(store_dir, Rulebook(TracePolicy(budget=0.0), budget=1000.0))
    assert (found.budget, found.by_reason("kept")) == (0.0, {})


def test_what_another_host_sampled_stays_sampled(store_dir: Path, web: FileSink) -> None:
    put(web, [span(trace=MAX - n, parent=9, remote=True, state="ot=th:8") for n in range(1, 6)])
    found = simulated(store_dir, Rulebook(budget=0.0))
    assert found.by_reason("kept") == {"remote": 5}


def test_what_was_sampled_here_is_decided_anew(store_dir: Path, web: FileSink) -> None:
    put(web, [span(trace=n, state="ot=th:0") for n in range(1, 6)])
    assert simulated(store_dir, Rulebook(budget=0.0)).by_reason("dropped") == {"head": 5}


def test_spans_come_when_they_end_in_whatever_order_they_were_committed(
    store_dir: Path, web: FileSink, stock: FileSink
) -> None:
    put(web, [span("GET /", 0, trace=5, duration=10 * S, sampled=False)])
    put(stock, [span("ask", 9 * S, trace=5, id=2, parent=1, remote=True, error=True)], resource("stock"))
    found = simulated(store_dir)
    assert found.traces["kept_error"] == 1
    assert found.keys["shop GET /"].spans_kept == 2


def test_a_late_error_counts_the_trace_as_kept_once(store_dir: Path, web: FileSink) -> None:
    put(web, [span("GET /", trace=MAX - 1, sampled=False), span("GET /", trace=1, at=1, sampled=False)])
    put(web, [span("work", 20 * S, trace=1, id=2, parent=1, error=True)])
    found = simulated(store_dir, Rulebook(budget=1.0))
    assert found.keys["shop GET /"].seen == 2
    assert found.keys["shop GET /"].kept == sum(found.keys["shop GET /"].reasons.values()) == 2


def test_silence_between_records_is_passed_over(store_dir: Path, web: FileSink) -> None:
    put(web, [span(trace=1, sampled=False)])
    put(web, [span(trace=2, at=86_400 * S, sampled=False)])
    found = simulated(store_dir)
    assert found.keys["shop work"].seen == 2
    assert found.seconds == pytest.approx(86_400, abs=2)


def test_a_time_and_a_service_are_chosen(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 4, 10)
    found = simulated(store_dir, since=T0 + S, until=T0 + 3 * S, service="shop")
    assert (found.spans, set(found.keys)) == (20, {"shop GET /0", "shop GET /1", "shop GET /2"})


def test_log_records_are_judged_and_those_of_errors_kept(store_dir: Path, web: FileSink) -> None:
    put(web, [log(f"order {n} placed", n * S // 50, trace=n % 2 * 7) for n in range(200)])
    put(web, [span(trace=7, at=4 * S, error=True, sampled=False)])
    never = LogPolicy(severity_rates={"INFO": 0.0}, min_rate=0.0)
    found = simulated(store_dir, Rulebook(logs=never))
    (share,) = found.patterns.values()
    assert (share.template, share.seen) == ("order <num> placed", 200)
    assert 100 <= share.kept <= 102
    assert sum(found.logs["kept"].values()) == share.kept


def test_without_records_there_is_nothing_to_show(store_dir: Path, web: FileSink) -> None:
    put(web, [span()])
    found = simulated(store_dir, service="another")
    assert (found.spans, found.log_records, found.keys, found.since) == (0, 0, {}, 0)


def test_when_the_time_is_over_it_ends_where_it_is(store_dir: Path, web: FileSink) -> None:
    put(web, [span()])
    found = simulated(store_dir, timeout=1e-9)
    assert not found.complete


def test_progress_is_told_of_each_record(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 3, 10)
    told: list[int] = []
    simulated(store_dir, progress=told.append)
    assert sum(told) == 60


def test_sealed_records_are_judged_like_others(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 10, 30, failing=0.05)
    book = Rulebook(budget=5.0)
    before = simulated(store_dir, book)
    web.close()
    stock.close()
    seal(str(store_dir), block_rows=64)
    after = simulated(store_dir, book)
    assert after.traces == before.traces
    assert {key: share.kept for key, share in after.keys.items()} == {k: s.kept for k, s in before.keys.items()}


def test_nothing_in_the_store_changes(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 2, 10)
    before = {name: os.stat(store_dir / name).st_mtime_ns for name in os.listdir(store_dir)}
    simulated(store_dir)
    assert {name: os.stat(store_dir / name).st_mtime_ns for name in os.listdir(store_dir)} == before


def test_what_was_decided_stands_beside_it(store_dir: Path, web: FileSink) -> None:
    put(web, [log("order 1 placed"), log("order 2 placed", 1)])
    put(web, [span(trace=1)])
    (service, pattern), *_ = simulated(store_dir).patterns
    route = route_of(load({}, environ={}), [Target("traces", "otlp")], {}, traces="gated", trace_budget=100.0)
    assert route is not None
    directory = route.directory(str(store_dir))
    leadership = lead(Path(directory))
    verdicts = VerdictLog(directory, leadership)
    ledger = {"counts": [[T0 // MINUTE_NS, service, pattern, 9, 2, 1]], "patterns": {}}
    verdicts.append(
        Frame(T0 + S, counts={"kept": {"traces": {"head": 3}}, "dropped": {"traces": {"head": 4}}}, ledger=[ledger])
    )
    verdicts.append(Frame(T0 + 3600 * S, counts={"kept": {"traces": {"head": 5}}}))
    was = (found := simulated(store_dir)).was
    verdicts.close()
    leadership.release()
    assert (was.since, was.by_reason("kept"), was.by_reason("dropped")) == (T0 + S, {"head": 3}, {"head": 4})
    assert (was.logs_seen, was.logs_kept, found.patterns[service, pattern].was_kept) == (2, 1, 1)


def test_what_came_of_it_can_be_written_as_json(store_dir: Path, web: FileSink, stock: FileSink) -> None:
    requests(web, stock, 2, 10)
    put(web, [log("order 1 placed")])
    said = json.loads(json.dumps(simulated(store_dir).to_dict()))
    assert {"since", "until", "complete", "traces", "logs", "budget", "busiest", "was"} < set(said)
    assert set(said["keys"][0]) == {"key", "seen", "kept", "reasons", "spans", "spans_kept"}
    assert set(said["patterns"][0]) == {"service", "pattern", "template", "seen", "kept", "was_kept"}
