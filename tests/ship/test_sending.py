"""One destination's way along the verdict log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from making import span
from office import Office
from tidegate.ship import sending
from tidegate.ship.election import Superseded
from tidegate.ship.sending import Sending

Open = Callable[..., Office]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "store", traces="all", logs="all")


def test_what_was_kept_is_sent_once_in_the_order_of_each_process(office: Office) -> None:
    process = office.process()
    for number in range(3):
        office.commit(*(span(f"{number} {place}", trace=place + 1) for place in range(5)), by=process)
        office.judge()
        office.send()
    office.send()
    assert office.names == [f"{number} {place}" for number in range(3) for place in range(5)]


def test_more_than_a_portion_goes_in_several(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_ROWS", 4)
    office.commit(*(span(str(number), trace=number + 1) for number in range(10)))
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    assert line.sending.step(0.0) == 0.0
    assert office.names == ["0", "1", "2", "3"]
    office.send()
    assert office.names == [str(number) for number in range(10)]


def test_what_fails_is_sent_later_and_nothing_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.destinations[0].max_records = 4
    office.lead = office.elect()
    office.commit(*(span(str(number), trace=number + 1) for number in range(10)))
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    office.spans.failures = 1
    assert line.sending.step(0.0) > 0
    assert (office.names, line.sending.is_done) == ([], False)
    assert line.sending.step(0.0, timeout=5.0) == 0.0  # the end of a process waits for no backoff
    assert office.names == [str(number) for number in range(10)]


def test_what_the_store_has_no_more_is_passed_by_and_counted(office: Office) -> None:
    office.commit(span("gone"))
    office.judge()
    office.forget_store()
    office.commit(span("there"))
    office.judge()
    office.send()
    assert office.names == ["there"]
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    assert line.sending.cursor.place.counts == {"sent": 1, "gone": 1}
    assert line.sending.step(0.0) == sending.IDLE_S
    assert line.sending.is_done


def test_a_leader_that_is_superseded_while_it_sends_leaves_the_rest_to_its_successor(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.destinations[0].max_records = 4
    office.lead = office.elect()
    office.commit(*(span(str(number), trace=number + 1) for number in range(10)))
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]

    def check() -> None:
        if office.names:
            raise Superseded("generation 1 has ended")

    monkeypatch.setattr(line.sending.cursor, "check", check)
    with pytest.raises(Superseded):
        line.sending.step(0.0)
    assert office.names == ["0", "1", "2", "3"]


def test_a_portion_is_of_so_many_bytes_at_most(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 1)
    process = office.process()
    for number in range(5):
        office.commit(*(span(f"{number} {place}", trace=1 + number) for place in range(2)), by=process)
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    assert line.sending.step(0.0) == 0.0
    assert office.names == ["0 0", "0 1"]
    office.send()
    assert office.names == [f"{number} {place}" for number in range(5) for place in range(2)]


def test_a_portion_that_is_cut_is_in_order_though_the_store_has_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 1)
    reader = office.lead._reader
    there = reader.rows_at
    monkeypatch.setattr(reader, "rows_at", lambda *of: reversed(list(there(*of))))
    process = office.process()
    for number in range(9):
        office.commit(span(str(number), trace=1 + number), by=process)
    office.judge()
    office.send()
    assert office.names == [str(number) for number in range(9)]


def test_what_is_gone_is_counted_where_portions_are_cut(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 1)
    office.commit(span("gone"))
    office.commit(span("gone, too"))
    office.judge()
    office.forget_store()
    for number in range(3):
        office.commit(span(str(number), trace=1 + number))
    office.judge()
    office.send()
    assert sorted(office.names) == ["0", "1", "2"]
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    assert line.sending.cursor.place.counts == {"sent": 3, "gone": 2}


def test_after_a_portion_that_was_cut_the_store_is_asked_for_less(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 1)
    reader, asked = office.lead._reader, list[int]()
    there = reader.rows_at

    def ask(signal: Any, places: Any) -> Any:
        asked.append(sum(map(len, places.values())))
        return there(signal, places)

    monkeypatch.setattr(reader, "rows_at", ask)
    process = office.process()
    for number in range(4):
        office.commit(span(str(number), trace=1 + number), by=process)
    office.judge()
    office.send()
    assert asked == [4, 1, 1, 1]


@pytest.fixture
def in_fours(office: Office) -> Sending:
    """Ten spans are to be sent, four at a time."""
    office.destinations[0].max_records = 4
    office.lead = office.elect()
    office.commit(*(span(str(number), trace=number + 1) for number in range(10)))
    office.judge()
    [line] = [each for each in office.lead.lines if each.sending.signal == "spans"]
    return line.sending


def test_each_answer_is_noted_before_the_next_request(in_fours: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[int] = []
    monkeypatch.setattr(in_fours.cursor, "check", lambda: noted.append(in_fours.cursor.place.rows))
    in_fours.step(0.0)
    assert noted[-3:] == [0, 4, 8]
    assert in_fours.cursor.place.counts == {"sent": 10}


def test_who_is_to_end_begins_no_other_request(office: Office, in_fours: Sending) -> None:
    in_fours.step(0.0, goes_on=lambda: False)
    assert office.names == ["0", "1", "2", "3"]
    in_fours.step(0.0)
    assert office.names == [str(number) for number in range(10)]
