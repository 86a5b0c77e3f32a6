"""How sending stands can be read from files, whether anybody sends or not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from leading import Clock, frame, lead
from making import log, put
from store_files import segments
from tidegate.settings import load
from tidegate.ship import frames
from tidegate.ship.cursors import Cursors
from tidegate.ship.election import Leadership
from tidegate.ship.frames import Frame
from tidegate.ship.route import Route, Target, route_of
from tidegate.ship.state import STATE_S, UNSENT_S, State, Telling, read
from tidegate.ship.status import RouteStatus, status
from tidegate.ship.verdicts import VerdictLog
from tidegate.store import unsent
from tidegate.store.sinks import FileSink

A = "a" * 16


class Led:
    """A route of a store, and all that its leader has."""

    def __init__(self, store: Path, name: str = "otlp") -> None:
        made = route_of(load({}, environ={}), [Target("traces", name)], {}, traces="gated", trace_budget=100.0)
        assert isinstance(made, Route)
        self.id, self.directory, self.clock = made.id, made.directory(str(store)), Clock()
        self.leadership: Leadership = lead(Path(self.directory))
        self.log = VerdictLog(self.directory, self.leadership)
        self.cursors = Cursors(self.directory, self.leadership, self.log)
        self.cursor = self.cursors.open("traces-otlp", "spans")
        self.telling = Telling(self.directory, self.leadership, self.clock)

    def append(self, rows: int, time: int) -> None:
        self.log.append(Frame(time, spans={A: [(row, 0) for row in range(rows)]}))

    def file(self, name: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((Path(self.directory) / name).read_text())
        return body


@pytest.fixture
def led(store_dir: Path) -> Led:
    return Led(store_dir)


@pytest.fixture
def look(store_dir: Path) -> Callable[[], RouteStatus]:
    """The status of the only route."""

    def look() -> RouteStatus:
        [found] = status(str(store_dir))
        return found

    return look


def test_of_a_store_without_routes_there_is_nothing_to_tell(store_dir: Path) -> None:
    assert status(str(store_dir)) == []


def test_it_tells_who_leads(led: Led, look: Callable[[], RouteStatus]) -> None:
    led.telling.state(State(process="gunicorn", service="shop", standalone=False, generation=1))
    found = look()
    assert found.led
    assert (found.state.process, found.state.service, found.state.generation) == ("gunicorn", "shop", 1)


def test_it_tells_who_led_last_when_nobody_does(led: Led, look: Callable[[], RouteStatus]) -> None:
    led.telling.state(State(process="gunicorn"))
    led.leadership.release()
    assert not look().led
    assert look().state.process == "gunicorn"


def test_it_tells_how_far_a_destination_is(led: Led, look: Callable[[], RouteStatus]) -> None:
    for number in range(3):
        led.append(10, 1000 + number)
    entries = list(led.log.read(led.cursor.position))
    led.cursor.advance(entries[0], sent=9, refused=1)
    led.cursor.advance(entries[1], 4, sent=4)
    found = look().destinations["traces-otlp"]
    assert (found.waiting, found.behind, found.waiting_since) == (16, 2, 1001)
    assert found.counts == {"sent": 13, "refused": 1}


def test_a_destination_that_has_everything_waits_for_nothing(led: Led, look: Callable[[], RouteStatus]) -> None:
    led.append(10, 1000)
    for entry in led.log.read(led.cursor.position):
        led.cursor.advance(entry)
    led.log.append(frame(logs={A: [(0, 0)]}))
    found = look().destinations["traces-otlp"]
    assert (found.waiting, found.behind, found.waiting_since) == (0, 0, 0)


def test_it_tells_what_its_sender_says(led: Led, look: Callable[[], RouteStatus]) -> None:
    led.telling.state(State(destinations={"traces-otlp": {"breaker": "open", "last_error": "connection refused"}}))
    assert look().destinations["traces-otlp"].sender == {"breaker": "open", "last_error": "connection refused"}


def test_it_tells_what_retention_removed_unsent(led: Led, look: Callable[[], RouteStatus]) -> None:
    (Path(led.directory) / unsent.LOST).write_text('{"format":1,"files":1,"records":20,"bytes":300}')
    assert look().removed == {"files": 1, "records": 20, "bytes": 300}


def test_routes_that_are_led_come_first(store_dir: Path) -> None:
    ended, going = Led(store_dir), Led(store_dir, "console")
    ended.telling.state(State())
    ended.leadership.release()
    assert [found.id for found in status(str(store_dir))] == [going.id, ended.id]


def test_a_log_of_a_newer_format_is_told_as_such(
    led: Led, look: Callable[[], RouteStatus], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(frames, "FORMAT", 2)
        led.append(1, 0)
    assert "has format 2" in look().problem


def test_programs_get_it_as_plain_json(led: Led, look: Callable[[], RouteStatus]) -> None:
    led.telling.state(State(destinations={"traces-otlp": {"breaker": "closed"}}))
    said = json.loads(json.dumps(look().to_dict()))
    assert said["destinations"]["traces-otlp"]["sender"] == {"breaker": "closed"}
    assert "destinations" not in said["state"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"time":', b'{"time":"x"}', b'{"format":1,"time":"1","counts":[]}'])
def test_a_state_that_is_none_is_no_obstacle(led: Led, look: Callable[[], RouteStatus], content: bytes) -> None:
    (Path(led.directory) / "state.json").write_bytes(content)
    assert look().led


# --- what the leader tells


def test_a_state_is_written_once_a_second(led: Led) -> None:
    for number in range(3):
        led.telling.state(State(generation=number))
    assert read(led.directory)[0].generation == 0
    led.clock.now += STATE_S
    led.telling.state(State(generation=3))
    assert read(led.directory)[0].generation == 3


def test_the_last_state_is_written_at_once(led: Led) -> None:
    led.telling.state(State(generation=1))
    led.telling.state(State(generation=2), last=True)
    assert read(led.directory)[0].generation == 2


def test_a_state_that_has_not_changed_is_not_written(led: Led) -> None:
    led.telling.state(State())
    before = led.file("state.json")
    led.clock.now += STATE_S
    led.telling.state(State())
    assert led.file("state.json") == before


def test_who_does_not_lead_any_more_tells_nothing(led: Led) -> None:
    led.leadership.release()
    led.telling.state(State(), last=True)
    assert not (Path(led.directory) / "state.json").exists()


def test_retention_reads_what_is_unsent(led: Led, store_dir: Path) -> None:
    led.telling.unsent(lambda: {A})
    [found] = unsent.read(str(store_dir))
    assert found.segments == {A}
    assert not found.has("b" * 16, 0, {"route": led.id})
    assert found.has("b" * 16, 2**62, {"route": led.id})


def test_what_still_grows_is_unsent_unless_this_process_ends(led: Led, store_dir: Path) -> None:
    sink = FileSink(str(store_dir), route=led.id)
    put(sink, [log()])
    [growing] = segments(store_dir)
    led.telling.unsent(list)
    assert led.file("unsent.json")["segments"] == [growing.name[21:37]]
    led.telling.unsent(list, last=True)
    assert led.file("unsent.json")["segments"] == []
    sink.close()


def test_what_began_shortly_before_the_last_look_is_unsent(led: Led, store_dir: Path) -> None:
    led.telling.unsent(list)
    [found] = unsent.read(str(store_dir))
    assert found.has("b" * 16, time.time_ns() - 30 * 10**9, {"route": led.id})


def test_what_is_unsent_is_asked_for_only_when_it_is_time(led: Led) -> None:
    asked = iter("abc")
    for _ in range(3):
        led.telling.unsent(lambda: [next(asked)])
    led.clock.now += UNSENT_S
    led.telling.unsent(lambda: [next(asked)])
    assert led.file("unsent.json")["segments"] == ["b"]


def test_what_stays_unsent_is_not_asked_for_more_often(led: Led) -> None:
    asked = count()
    for _ in range(10):
        led.telling.unsent(lambda: [A] * bool(next(asked) + 1))
        led.clock.now += UNSENT_S / 4
    assert next(asked) == 3


def test_without_room_on_disk_the_former_state_stays(small_disk: Path) -> None:
    led = Led(small_disk)
    led.telling.state(State(generation=1))
    with (small_disk / "filling").open("wb", buffering=0) as filling:
        filling.write(bytes(8 << 20))
    led.telling.state(State(generation=2, process="x" * 100_000), last=True)
    assert read(led.directory)[0].generation == 1
    assert [path.name for path in Path(led.directory).glob("*.partial")] == []
