"""The ledger of patterns counts each record once, whatever ends whom at which moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import FormatError
from tidegate.ship import files, ledger_hours
from tidegate.ship.cursors import Cursors
from tidegate.ship.election import Election, Leadership, Superseded
from tidegate.ship.frames import Frame
from tidegate.ship.ledger import KEPT_HOURS, LedgerReader, LedgerWriter
from tidegate.ship.ledger_hours import OTHER, Hour
from tidegate.ship.verdicts import VerdictLog

HOUR = 470_000
MINUTE = HOUR * 60
NOW = (MINUTE + 30) * 60 * 10**9

A, B = "a" * 32, "b" * 32


class Route:
    """A route's directory, and who leads it."""

    def __init__(self, path: Path) -> None:
        self.directory = str(path)
        self._election = Election(self.directory)
        self.lead()

    def lead(self, rotate_bytes: int = 1) -> None:
        """A new generation; each frame completes a file."""
        leadership = self._election.try_lead()
        assert leadership is not None
        self.leadership: Leadership = leadership
        self.log = VerdictLog(self.directory, leadership, rotate_bytes=rotate_bytes)
        self.cursors = Cursors(self.directory, leadership, self.log)
        self.cursor = self.cursors.open("logs-otlp", "logs")
        self.writer = LedgerWriter(self.directory, leadership)

    def end(self) -> None:
        self.log.close()
        self.cursors.close()
        self.leadership.release()

    def close(self) -> None:
        self.end()
        self._election.close()

    def decide(self, *rows: list[Any], **patterns: list[str]) -> None:
        """Append a frame with these counts."""
        kept = sum(row[5] for row in rows)
        frame = Frame(NOW, logs={"aa": [(number, 0) for number in range(kept)]} if kept else {})
        frame.ledger = [{"counts": list(rows), "patterns": patterns}]
        self.log.append(frame)

    def send(self) -> None:
        """All that is decided arrives."""
        for entry in self.log.read(self.cursor.position):
            self.cursor.advance(entry)

    def count(self, now: int = NOW) -> None:
        self.writer.count(self.log, self.log.end, self.cursors.oldest(), now)

    def totals(self, since: int = MINUTE - 600_000, until: int = MINUTE + 600) -> tuple[int, int, int]:
        """Seen, kept, sent."""
        tallies = LedgerReader(self.directory).read(since, until).tallies
        return sum(t.seen for t in tallies), sum(t.kept for t in tallies), sum(t.sent for t in tallies)


@pytest.fixture
def route(tmp_path: Path) -> Iterator[Route]:
    route = Route(tmp_path)
    yield route
    route.close()


def row(minute: int = 0, *, pattern: str = A, seen: int = 10, kept: int = 2, service: str = "shop") -> list[Any]:
    return [MINUTE + minute, service, pattern, 9, seen, kept]


def test_what_stands_in_the_log_is_counted_before_any_file_of_hours_is_there(route: Route) -> None:
    route.decide(row(), row(1))
    assert route.totals() == (20, 4, 0)
    assert ledger_hours.numbers(os.path.join(route.directory, "patterns")) == []


def test_what_was_counted_into_hours_is_not_counted_a_second_time(route: Route) -> None:
    route.decide(row())
    route.count()
    route.decide(row())
    assert route.totals() == (20, 4, 0)


def test_what_a_cursor_has_passed_is_sent(route: Route) -> None:
    route.decide(row())
    route.send()
    route.decide(row())
    assert route.totals() == (20, 4, 2)
    route.count()
    assert route.totals() == (20, 4, 2)


def test_what_is_sent_after_it_was_counted_is_sent_once(route: Route) -> None:
    route.decide(row())
    route.count()
    route.send()
    assert route.totals() == (10, 2, 2)
    route.count()
    assert route.totals() == (10, 2, 2)


def test_counts_outlive_the_files_of_the_log(route: Route) -> None:
    for _ in range(5):
        route.decide(row())
    route.send()
    route.count()
    before = len(route.log.parts())
    route.log.trim(route.cursors.oldest())
    assert len(route.log.parts()) < before
    assert route.totals() == (50, 10, 10)


def test_a_new_leader_goes_on_counting_where_the_last_one_was(route: Route) -> None:
    route.decide(row())
    route.count()
    route.decide(row())
    route.end()
    route.lead()
    route.decide(row())
    route.count()
    assert route.totals() == (30, 6, 0)


def test_a_frame_that_was_cut_off_does_not_count_and_its_second_time_does(route: Route) -> None:
    route.end()
    route.lead(rotate_bytes=1 << 20)
    route.decide(row())
    whole = route.log.end.offset
    route.decide(row())
    path = route.log.parts()[-1].path
    route.end()
    os.truncate(path, (whole + os.stat(path).st_size) // 2)
    assert route.totals() == (10, 2, 0)
    route.lead()
    route.decide(row())
    route.count()
    assert route.totals() == (20, 4, 0)


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_counting_that_ends_in_the_middle_is_made_good_by_the_next(
    route: Route, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(3):
        route.decide(row(60 * hour))
    route.send()
    saved, save = [0], Hour.save

    def fail(hour: Hour, directory: str, check: Callable[[], object]) -> None:
        saved[0] += 1
        if saved[0] == fails_at:
            raise OSError("no room")
        save(hour, directory, check)

    monkeypatch.setattr(Hour, "save", fail)
    with pytest.raises(OSError, match="no room"):
        route.count()
    assert route.totals() == (30, 6, 6)
    monkeypatch.undo()
    route.decide(row())
    route.end()
    route.lead()
    route.count()
    assert route.totals() == (40, 8, 6)


def test_who_leads_no_more_writes_nothing(route: Route) -> None:
    route.decide(row())
    end, oldest = route.log.end, route.cursors.oldest()
    route.leadership.release()
    with pytest.raises(Superseded):
        route.writer.count(route.log, end, oldest, NOW)
    with pytest.raises(Superseded):
        route.writer.save_state(dict, NOW)
    route.lead()


def test_patterns_are_described_with_their_first_and_last_minute(route: Route) -> None:
    route.decide(row(3), **{A: ["template", "order <*> shipped"]})
    route.count()
    route.decide(row(1), row(7))
    described = LedgerReader(route.directory).read(MINUTE, MINUTE + 60).patterns
    assert described[A] == ("template", "order <*> shipped", MINUTE + 1, MINUTE + 7)


def test_a_template_that_grew_more_general_is_told_anew(route: Route) -> None:
    route.decide(row(), **{A: ["mined", "order 1 shipped"]})
    route.count()
    route.decide(row(), **{A: ["mined", "order <num> shipped"]})
    assert LedgerReader(route.directory).read(MINUTE, MINUTE + 60).patterns[A].template == "order <num> shipped"


def test_patterns_that_became_one_are_counted_as_one(route: Route) -> None:
    route.decide(row(), row(pattern=B), **{A: ["mined", "a"], B: ["mined", "b"]})
    route.writer.save_state(lambda: {"miner": {"became": {B: A}}}, NOW)
    ledger = LedgerReader(route.directory).read(MINUTE, MINUTE + 60)
    assert [(tally.pattern, tally.seen) for tally in ledger.tallies] == [(A, 20)]
    assert ledger.patterns[A].template == "a"
    assert B not in ledger.patterns


def test_services_and_minutes_are_told_apart(route: Route) -> None:
    route.decide(row(), row(1), row(service="bank"))
    tallies = LedgerReader(route.directory).read(MINUTE, MINUTE + 1).tallies
    assert [(tally.minute, tally.service) for tally in tallies] == [(MINUTE, "bank"), (MINUTE, "shop")]


def test_minutes_of_two_days_ago_are_counted_by_the_hour(route: Route) -> None:
    old = -49 * 60
    route.decide(row(old + 10), row(old + 11))
    route.count()
    tallies = LedgerReader(route.directory).read(MINUTE + old, MINUTE + old + 60).tallies
    assert [(tally.minute, tally.seen) for tally in tallies] == [(MINUTE + old, 20)]


def test_an_hour_becomes_coarse_when_it_is_old_enough(route: Route) -> None:
    route.decide(row(1), row(2))
    route.count()
    route.decide(row(3000))
    route.count(NOW + 49 * 3600 * 10**9)
    tallies = LedgerReader(route.directory).read(MINUTE, MINUTE + 60).tallies
    assert [(tally.minute, tally.seen) for tally in tallies] == [(MINUTE, 20)]


def test_what_is_older_than_is_kept_is_gone(route: Route) -> None:
    route.decide(row())
    route.count()
    route.decide(row(60 * KEPT_HOURS))
    route.count(NOW + (KEPT_HOURS + 1) * 3600 * 10**9)
    assert route.totals(MINUTE, MINUTE + 60) == (0, 0, 0)


def test_of_too_many_patterns_the_new_ones_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_hours, "MAX_PATTERNS", 2)
    hour = Hour(HOUR)
    for number in range(4):
        hour.add((MINUTE, "shop", str(number), 9), 1, 0, 0)
    assert {tally.pattern: tally.seen for tally in hour.tallies()} == {"0": 1, "1": 1, OTHER: 2}


def test_an_hour_with_too_many_cells_is_coarse_and_still_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_hours, "MAX_CELLS", 5)
    hour = Hour(HOUR)
    for minute in range(10):
        hour.add((MINUTE + minute, "shop", A, 9), 1, 1, 0)
    assert [(tally.minute, tally.seen) for tally in hour.tallies()] == [(MINUTE, 10)]


def test_a_damaged_file_of_an_hour_is_taken_for_none(route: Route) -> None:
    route.decide(row())
    route.count()
    path = Path(route.directory, "patterns", f"{HOUR}.counts")
    path.write_bytes(path.read_bytes()[:-3])
    assert route.totals() == (0, 0, 0)


def test_a_newer_format_is_refused(route: Route) -> None:
    files.write(os.path.join(route.directory, "patterns", "patterns.json"), {"format": 2})
    with pytest.raises(FormatError, match=r"has format 2; this version reads up to 1\. Upgrade tidegate"):
        route.totals()


def test_what_the_gate_has_learnt_is_there_for_the_next_leader(route: Route) -> None:
    assert route.writer.load_state() is None
    state = {"known": ["a lone \udc80"]}
    route.writer.save_state(lambda: state, NOW)
    route.end()
    route.lead()
    assert route.writer.load_state() == state


def test_the_state_is_saved_once_a_minute_and_at_the_last(route: Route) -> None:
    for number, (now, last) in enumerate([(0, False), (59, False), (61, False), (62, True)]):
        route.writer.save_state(lambda number=number: {"number": number}, NOW + now * 10**9, last=last)  # type: ignore[misc]
        assert route.writer.load_state() == {"number": {1: 0}.get(number, number)}
