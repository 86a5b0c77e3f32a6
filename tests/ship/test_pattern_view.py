"""Patterns of log messages: what ledgers have counted and what the store has, put together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from leading import lead
from log_tailing import ERROR, T0, Emitted, evenly
from making import resource
from sealing import ended, seal
from tidegate.errors import QueryError, QueryTimeout
from tidegate.record import logs
from tidegate.ship import files
from tidegate.ship.frames import Frame
from tidegate.ship.ledger import LedgerWriter
from tidegate.ship.pattern_rows import PatternCount
from tidegate.ship.pattern_view import PatternDetail, Patterns, pattern, patterns
from tidegate.ship.verdicts import VerdictLog
from tidegate.store.deadline import Deadline
from tidegate.store.reader import Reader
from tidegate.store.sinks import FileSink, MemorySink

HOUR = 3600
NOW = (T0 + HOUR) * 10**9
ROUTE = "0123456789abcdef"
SHOP, BANK = resource("shop"), resource("bank")


class Told:
    """A store, and what one asks about it an hour after `T0`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sink = FileSink(str(path))
        self.reader: Reader = tidegate.store.open(path)

    def write(self, *emitted: Emitted, of: Any = SHOP) -> None:
        self.sink.append(of, logs.batch([each.sdk() for each in emitted]))

    def ledger(self, *rows: list[Any], patterns: Any = None, state: dict[str, Any] | None = None) -> None:
        """What a route has counted: minutes since `T0`, service, pattern, severity, seen, kept."""
        directory = self.path / "routes" / ROUTE
        files.make(str(directory.parent))
        files.make(str(directory))
        leadership = lead(directory)
        log = VerdictLog(str(directory), leadership)
        counts = [[T0 // 60 + minute, *rest] for minute, *rest in rows]
        log.append(Frame(NOW, ledger=[{"counts": counts, "patterns": patterns or {}}]))
        if state is not None:
            LedgerWriter(str(directory), leadership).save_state(lambda: state, NOW)
        log.close()
        leadership.release()

    def ask(self, **query: Any) -> Patterns:
        return patterns(self.reader, now=NOW, **query)

    def rows(self, **query: Any) -> dict[tuple[str, str], PatternCount]:
        return {(row.service, row.template): row for row in self.ask(**query).rows}

    def one(self, template: str, **query: Any) -> PatternDetail:
        [id] = {row.id for row in self.ask().rows if row.template == template}
        found = pattern(self.reader, id[:8].upper(), now=NOW, **query)
        assert found is not None
        return found

    def close(self) -> None:
        self.reader.close()
        self.sink.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    told = Told(tmp_path)
    yield told
    told.close()


# --- from what is stored


def test_patterns_are_counted_by_service_from_what_is_stored(told: Told) -> None:
    told.write(*evenly(0, 60, 1), *evenly(10, 10, 1, template="paid %s", severity=ERROR))
    told.write(*evenly(0, 5, 1), of=BANK)
    rows = told.rows()
    assert {key: row.count for key, row in rows.items()} == {
        ("shop", "order <*> shipped"): 60,
        ("shop", "paid <*>"): 10,
        ("bank", "order <*> shipped"): 5,
    }
    assert rows["shop", "paid <*>"].severities == {"ERROR": 10}
    assert (rows["shop", "paid <*>"].kept, rows["shop", "paid <*>"].saved) == (None, None)


def test_sealed_records_are_counted_as_active_ones(told: Told) -> None:
    told.write(*evenly(0, 60, 1, line=7), *(Emitted(n, f"user u{n * 7919} came", ()) for n in range(20)))
    before = told.ask().rows
    told.sink.close()
    seal(str(told.path), ended(str(told.path)))
    assert told.ask().rows == before


def test_what_has_no_template_is_found_by_its_call_or_text(told: Told) -> None:
    told.write(*(Emitted(n, f"took {n} ms", ()) for n in range(30)))
    told.write(*(Emitted(n, f"hello u{n * 7919}", (), line=9) for n in range(30)))
    assert sorted((row.kind, row.count) for row in told.ask().rows) == [("mined", 30), ("site", 30)]


def test_events_that_say_nothing_more_are_known_by_their_names(told: Told) -> None:
    told.write(*(Emitted(n, "", (), event=f"cart.{'filled' if n % 3 else 'emptied'}") for n in range(30)))
    assert sorted((row.template, row.count) for row in told.ask().rows) == [("cart.emptied", 10), ("cart.filled", 20)]


def test_only_what_came_in_the_time_and_of_the_service_counts(told: Told) -> None:
    told.write(*evenly(0, 3600, 0.1))
    told.write(*evenly(0, 3600, 0.1), of=BANK)
    rows = told.rows(since=NOW - 600 * 10**9, until=NOW - 300 * 10**9, service="shop")
    assert {key: row.count for key, row in rows.items()} == {("shop", "order <*> shipped"): 30}


def test_counts_over_time_add_up_and_begin_where_the_answer_says(told: Told) -> None:
    told.write(*evenly(1800, 600, 1))
    found = told.ask()
    [row] = found.rows
    first = next(place for place, count in enumerate(row.counts) if count)
    assert found.start + first * found.interval <= (T0 + 1800) * 10**9 < found.start + (first + 1) * found.interval
    assert sum(row.counts) == 600
    assert found.interval >= 60 * 10**9


def test_sizes_are_measured_as_they_would_be_sent(told: Told) -> None:
    told.write(*evenly(0, 100, 1, template="%s", args=("x" * 1000,)))
    [row] = told.ask().rows
    assert row.bytes is not None
    assert 100_000 < row.bytes < 130_000


def test_a_store_in_memory_has_patterns_too() -> None:
    sink = MemorySink(1 << 20)
    sink.append(SHOP, logs.batch([each.sdk() for each in evenly(0, 10, 1)]))
    with tidegate.store.open("memory:") as reader:
        assert ("order <*> shipped", 10) in {(row.template, row.count) for row in patterns(reader, now=NOW).rows}


# --- now against before


def test_a_pattern_that_comes_as_before_is_neither_new_nor_spikes(told: Told) -> None:
    told.write(*evenly(0, 3600, 1))
    [row] = told.ask().rows
    assert (row.is_new, row.is_spiking) == (False, False)
    assert row.rate == pytest.approx(row.former_rate, rel=0.05)


def test_a_pattern_that_first_comes_now_is_new(told: Told) -> None:
    told.write(*evenly(0, 3600, 1), *evenly(3500, 20, 1, template="strange %s"))
    assert {row.template for row in told.ask().rows if row.is_new} == {"strange <*>"}


def test_what_came_long_before_is_not_new_where_a_ledger_knows(told: Told) -> None:
    told.write(*evenly(0, 3600, 1), *evenly(3500, 20, 1, template="strange %s"))
    [id] = [row.id for row in told.ask().rows if row.template == "strange <*>"]
    told.ledger([-600, "shop", id, 9, 1, 1])
    told.ledger([58, "shop", id, 9, 20, 20])
    assert not any(row.is_new for row in told.ask().rows)


def test_a_pattern_that_comes_many_times_as_often_spikes(told: Told) -> None:
    told.write(*evenly(0, 3600, 0.1), *evenly(3300, 300, 1))
    [row] = told.ask().rows
    assert row.is_spiking
    assert row.change > 3


def test_a_service_that_begins_now_is_no_news(told: Told) -> None:
    told.write(*evenly(3500, 90, 5))
    [row] = told.ask().rows
    assert (row.is_new, row.is_spiking) == (False, False)


def test_a_service_that_began_in_the_middle_is_compared_from_then_on(told: Told) -> None:
    told.write(*evenly(2700, 900, 1))
    [row] = told.ask().rows
    assert row.former_rate == pytest.approx(1, rel=0.15)
    assert not row.is_spiking


# --- with ledgers


def test_a_ledger_tells_what_was_kept_and_what_that_saved(told: Told) -> None:
    told.write(*evenly(0, 100, 1))
    [row] = told.ask().rows
    told.ledger([0, "shop", row.id, 9, 60, 12], [1, "shop", row.id, 9, 40, 8])
    [row] = told.ask().rows
    assert (row.count, row.kept, row.sent) == (100, 20, 0)
    assert row.bytes is not None
    assert row.saved is not None
    assert row.saved == pytest.approx(0.8 * row.bytes, abs=1)
    assert row.to_dict(price=2.0)["savings"] == pytest.approx(row.saved * 2 / 1e9)
    assert "savings" not in row.to_dict()


def test_a_ledger_knows_what_the_store_has_lost(told: Told) -> None:
    told.write(*evenly(60, 10, 1))
    [row] = told.ask().rows
    told.ledger(
        [0, "shop", row.id, 9, 500, 100], [1, "shop", row.id, 9, 10, 2], patterns={row.id: ["template", "order"]}
    )
    [after] = told.ask().rows
    assert (after.count, after.kept) == (510, 102)
    assert after.bytes == pytest.approx(51 * (row.bytes or 0), abs=51)


@pytest.mark.parametrize(("minute", "first"), [(1, 90), (0, 0)])
def test_the_first_record_is_told_to_the_moment_if_the_store_has_one_of_the_ledgers_first_minute(
    told: Told, minute: int, first: int
) -> None:
    told.write(*evenly(90, 10, 1))
    [row] = told.ask().rows
    told.ledger([minute, "shop", row.id, 9, 10, 2], patterns={row.id: ["template", "order"]})
    [after] = told.ask().rows
    assert after.first_time_unix_nano == (T0 + first) * 10**9


def test_a_pattern_that_is_not_stored_any_more_is_there_without_a_size(told: Told) -> None:
    told.ledger([0, "shop", "ab" * 16, 9, 5, 1], patterns={"ab" * 16: ["mined", "disk <*> is full"]})
    [row] = told.ask().rows
    assert (row.template, row.count, row.kept, row.bytes, row.saved) == ("disk <*> is full", 5, 1, None, None)


def test_a_reader_of_one_service_sees_no_other_ones_patterns(told: Told) -> None:
    told.write(*evenly(0, 5, 1), of=BANK)
    told.ledger([0, "bank", "ab" * 16, 9, 5, 1], [0, "shop", "cd" * 16, 9, 7, 1])
    with tidegate.store.open(told.path, service="shop") as reader:
        assert [row.service for row in patterns(reader, now=NOW).rows] == ["shop"]
        assert patterns(reader, now=NOW, service="bank").rows == []


def test_an_id_from_before_a_merge_finds_what_the_pattern_has_become(told: Told) -> None:
    old, new = "ab" * 16, "cd" * 16
    told.ledger(
        [0, "shop", old, 9, 5, 1],
        [0, "shop", new, 9, 7, 1],
        state={"miner": {"became": {old: new}}},
        patterns={new: ["mined", "disk <*> is full"], old: ["mined", "disk sda is full"]},
    )
    found = pattern(told.reader, old, now=NOW)
    assert found is not None
    assert [(row.id, row.count) for row in found.rows] == [(new, 12)]


# --- one pattern


def test_one_pattern_has_its_newest_records_and_where_its_call_stands(told: Told) -> None:
    told.write(*evenly(0, 100, 1, line=7), *evenly(0, 100, 1, template="other %s", line=8))
    told.write(*evenly(50, 10, 1, line=9), of=BANK)
    found = told.one("order <*> shipped", examples=3)
    assert found.sites == ["/app/shop.py:7 in sell", "/app/shop.py:9 in sell"]
    assert [log.time_unix_nano for log in found.examples] == [(T0 + second) * 10**9 for second in (99, 98, 97)]
    assert all(log.cursor for log in found.examples)
    assert [(row.service, row.count) for row in found.rows] == [("shop", 100), ("bank", 10)]


def test_a_pattern_that_does_not_come_is_none(told: Told) -> None:
    told.write(*evenly(0, 5, 1))
    assert pattern(told.reader, "0000", now=NOW) is None


def test_a_beginning_that_several_patterns_have_is_refused(told: Told) -> None:
    told.ledger([0, "shop", "ab" * 16, 9, 5, 1], [0, "shop", "abab" + "c" * 28, 9, 7, 1])
    with pytest.raises(QueryError, match="2 patterns begin with 'abab'; give more digits"):
        pattern(told.reader, "abab", now=NOW)


# --- questions that make no sense, or take too long


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("count", "often <*>"),
        ("bytes", "large <*>"),
        ("rate", "now <*>"),
        ("change", "now <*>"),
        ("new", "now <*>"),
    ],
)
def test_patterns_are_sorted_as_asked(told: Told, sort: str, first: str) -> None:
    told.write(*evenly(0, 3000, 1, template="often %s"), *evenly(0, 3600, 0.1, template="large %s", args=("x" * 5000,)))
    told.write(*evenly(3400, 190, 3, template="now %s"))
    assert told.ask(sort=sort).rows[0].template == first


def test_an_unknown_order_is_refused(told: Told) -> None:
    with pytest.raises(QueryError, match=r"sort is 'size'; it must be one of count, bytes, rate"):
        told.ask(sort="size")


def test_a_time_that_ends_before_it_begins_is_refused(told: Told) -> None:
    with pytest.raises(QueryError, match="since must be before until"):
        told.ask(since=NOW, until=NOW - 1)


def test_a_deadline_ends_the_search(told: Told) -> None:
    told.write(*evenly(0, 5, 1))
    deadline = Deadline()
    deadline.cancel()
    with pytest.raises(QueryTimeout):
        told.ask(timeout=deadline)
