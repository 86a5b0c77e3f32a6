"""PyLog traffic through the log gate: what the benchmark counts."""

from __future__ import annotations

import pytest
from benchmarks import pylog, pylog_traffic
from benchmarks.pylog_scan import Call, Hole, Names, Package

from tidegate.gate.policy import LogPolicy

Traffic = list[tuple[float, pylog.Message]]


def shop() -> Package:
    levels = ("DEBUG", "DEBUG", "INFO", "INFO", "WARNING", "ERROR")
    calls = tuple(
        Call("shop", "shop.py", line, "run", level, "shop", (f"{level} {line}: ", Hole("count", "%d")), "text", "")
        for line, level in enumerate(levels * 4)
    )
    return Package("shop", calls, Names((), (), (), ()))


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    monkeypatch.setattr(pylog, "side", lambda held: [shop()])
    monkeypatch.setattr(pylog_traffic, "SECONDS", 20)
    return pylog_traffic.traffic()


def test_records_come_in_the_order_of_time_at_the_rate_that_is_said(traffic: Traffic) -> None:
    times = [at for at, _ in traffic]
    assert times == sorted(times)
    assert len(traffic) / times[-1] == pytest.approx(pylog_traffic.RATE, rel=0.05)


def test_a_policy_that_keeps_all_keeps_all(traffic: Traffic) -> None:
    everything = LogPolicy(severity_rates={})
    assert pylog_traffic.gated(traffic, everything, pylog_traffic.by_record) == (0.0, 1.0, 1.0, 0.0)


def test_the_plain_table_is_what_is_counted(traffic: Traffic) -> None:
    kept = pylog_traffic.gated(traffic, LogPolicy(min_rate=0.0), pylog_traffic.by_record)
    share = 0.40 * 0.05 + 0.40 * 0.20 + 0.15 * 0.50 + 0.05
    assert kept.fewer == pytest.approx(1 - share, abs=0.02)
    assert (kept.sites, kept.errors) == (1.0, 1.0)
    assert abs(kept.bias) < 0.1
