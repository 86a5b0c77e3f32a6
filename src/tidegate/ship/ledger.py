"""The ledger of patterns: exact counts of log records by minute, service, pattern and severity, of one route.

    patterns/<hour>.counts     what the verdict log has counted, see `tidegate.ship.ledger_hours`
    patterns/patterns.json     what patterns read like, when they were first and last seen; how far the log is counted
    patterns/state.json        what the gate has learnt of them, for the next leader

What came and was kept is counted in the frames that decide about it, so a crash between two of them neither loses nor
doubles anything. The leader counts into the hours' files what stands in files of the log that are complete; a
reader adds what stands behind. Minutes are told apart for two days.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from operator import add
from typing import Any, NamedTuple

from tidegate.errors import FormatError
from tidegate.ship import cursors, files, ledger_hours
from tidegate.ship.election import Leadership
from tidegate.ship.frames import START, Position
from tidegate.ship.ledger_hours import Hour, Tally
from tidegate.ship.verdicts import Entry, VerdictReader

#: Version of ``patterns.json``.
FORMAT = 1

#: Hours for which minutes are told apart, and after which counts are gone.
FINE_HOURS, KEPT_HOURS = 48, 30 * 24

#: Nanoseconds between two times that the gate's state is saved: a leader that is killed takes so much with it.
STATE_NS = 60 * 10**9

_STATE = "state.json"

#: Patterns that are described at most, those that were seen last.
MAX_DESCRIBED = 20_000


class Described(NamedTuple):
    """``kind`` and ``template`` as `tidegate.patterns.Pattern` has them; ``first`` and ``last`` are minutes since 1970
    in which it was seen."""

    kind: str
    template: str
    first: int
    last: int


class _Book:
    """``patterns.json``: up to which places of the log everything is in the hours' files, before which hour they are
    coarse, and what patterns are."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "patterns.json")
        body = files.read(self._path)
        if body.get("format", FORMAT) > FORMAT:
            raise FormatError(
                f"{self._path} has format {body['format']}; this version reads up to {FORMAT}. Upgrade tidegate."
            )
        self.counted, self.sent = _position(body.get("counted")), _position(body.get("sent"))
        self.coarse = int(body.get("coarse", 0))
        self.patterns: dict[str, Described] = {}
        with contextlib.suppress(AttributeError, TypeError, ValueError):  # damaged: they are told again
            self.patterns = {id: Described(*each) for id, each in body.get("patterns", {}).items()}

    def describe(self, ledger: Iterable[Mapping[str, Any]]) -> None:
        """Take what a frame says of patterns."""
        for each in ledger:
            for minute, _, id, *_ in each.get("counts", ()):
                before = self.patterns.get(id, Described("", "", minute, minute))
                first, last = min(before.first, minute), max(before.last, minute)
                self.patterns[id] = before._replace(first=first, last=last)
            for id, (kind, template) in each.get("patterns", {}).items():
                if id in self.patterns:
                    self.patterns[id] = self.patterns[id]._replace(kind=kind, template=template)

    def save(self, check: Callable[[], object]) -> None:
        if len(self.patterns) > MAX_DESCRIBED:
            latest = sorted(self.patterns.items(), key=lambda item: item[1].last)
            self.patterns = dict(latest[-MAX_DESCRIBED:])
        places = {"counted": self.counted.text(), "sent": self.sent.text(), "coarse": self.coarse}
        patterns = {id: list(each) for id, each in self.patterns.items()}
        files.write(self._path, {"format": FORMAT, **places, "patterns": patterns}, check)


class Ledger(NamedTuple):
    """Counts, one for each minute, service, pattern and severity, and what their patterns are, by id."""

    tallies: list[Tally]
    patterns: dict[str, Described]


class LedgerReader:
    """Reads the ledger of the route in ``directory``, also while it grows."""

    def __init__(self, directory: str) -> None:
        self._route = directory
        self._directory = os.path.join(directory, "patterns")

    def read(self, since: int, until: int) -> Ledger:
        """What was counted from one minute (since 1970) to before another.

        Raises `FormatError` for a newer format, OSError.
        """
        # in this order: what the leader counts meanwhile is in the hours' files then, and not counted a second time
        book, log, hours = _Book(self._directory), VerdictReader(self._route), _Hours(self._directory)
        new = [(entry.start, entry.frame.ledger) for entry in log.read(book.counted) if entry.frame.ledger]
        sent = [(entry.start, entry.frame.ledger) for entry in _until(log.read(book.sent), _sent(self._route))]
        wanted = range(since // 60, -(-until // 60))
        for number in ledger_hours.numbers(self._directory):
            if number in wanted:
                hours[number]
        for start, ledger in new:
            book.describe(ledger)
            hours.add_seen(start, ledger)
        for start, ledger in sent:
            hours.add_sent(start, ledger)
        became = self.became()
        tallies = [each for hour in hours.values() for each in hour.tallies() if since <= each.minute < until]
        return Ledger(_merged(tallies, became), _living(book.patterns, became))

    def became(self) -> dict[str, str]:
        """What patterns have become, by the ids that they had."""
        miner = self.state().get("miner")
        became = miner.get("became") if isinstance(miner, dict) else None
        return became if isinstance(became, dict) else {}

    def state(self) -> dict[str, Any]:
        """What the gate has learnt; nothing where there is no such file, or a damaged one: patterns begin anew."""
        try:
            with open(os.path.join(self._directory, _STATE), encoding="utf-8") as file:
                body = json.load(file)
        except (OSError, RecursionError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}


class LedgerWriter(LedgerReader):
    """The ledger as the leader of the route in ``directory`` keeps it.

    Every method raises OSError, and those that write `Superseded` once another process leads.
    """

    def __init__(self, directory: str, leadership: Leadership) -> None:
        super().__init__(directory)
        self._leadership = leadership
        files.make(self._directory)
        files.clear(self._directory)
        self._book = _Book(self._directory)
        self._saved, self._state_saved = 0, b""

    def load_state(self) -> dict[str, Any] | None:
        """What the last leader's gate had learnt."""
        return self.state() or None

    def save_state(self, state: Callable[[], Mapping[str, Any]], now: int, *, last: bool = False) -> None:
        """Save what `tidegate.gate.tail.logs.LogTail.state` gives, once a minute and at the ``last``. ``now``: ns."""
        if not last and 0 <= now - self._saved < STATE_NS:
            return
        self._saved = now
        # a template may have lone surrogates, which the faster writers of JSON refuse
        content = json.dumps(state(), separators=(",", ":")).encode()
        if content != self._state_saved:
            files.replace(os.path.join(self._directory, _STATE), content, self._leadership.check)
            self._state_saved = content

    def count(self, log: VerdictReader, end: Position, oldest: Position, now: int) -> None:
        """Count into the hours' files what stands in the complete files of the log, of which the last begins before
        ``end``; as sent what stands before ``oldest``, which all destinations have reached. To be called before files
        of the log are removed. ``now``: ns. Next to free while no file was completed or passed.
        """
        book, counted, sent = self._book, Position(*end[:2]), Position(*min(oldest, end)[:2])
        if counted <= book.counted and sent <= book.sent:
            return
        hours = _Hours(self._directory)
        for entry in _until(log.read(book.counted), counted):
            book.describe(entry.frame.ledger)
            hours.add_seen(entry.start, entry.frame.ledger)
        for entry in _until(log.read(book.sent), sent):
            hours.add_sent(entry.start, entry.frame.ledger)
        self._age(hours, now // (3600 * 10**9))
        for hour in hours.values():
            hour.counted, hour.sent = max(hour.counted, counted), max(hour.sent, sent)
            hour.save(self._directory, self._leadership.check)
        book.counted, book.sent = max(book.counted, counted), max(book.sent, sent)
        book.save(self._leadership.check)

    def _age(self, hours: _Hours, now: int) -> None:
        """Make the hours coarse that are old enough, and let go of those that are too old."""
        fine, kept = now - FINE_HOURS, now - KEPT_HOURS
        for number in ledger_hours.numbers(self._directory):
            if number < kept:
                ledger_hours.remove(self._directory, number)
            elif self._book.coarse <= number < fine:
                hours[number]
        for number in [number for number in hours if number < fine]:
            if number < kept:
                del hours[number]
            elif not hours[number].coarse:
                hours[number].coarsen()
        self._book.coarse = fine


class _Hours(dict[int, Hour]):
    """Hours, read when they are asked for."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def __missing__(self, number: int) -> Hour:
        hour = self[number] = Hour.load(self._directory, number)
        return hour

    def add_seen(self, start: Position, ledger: Iterable[Mapping[str, Any]]) -> None:
        """Count what came and was kept by the frame that stands at ``start``, where it is not counted yet."""
        for minute, service, pattern, severity, seen, kept in _rows(ledger):
            hour = self[minute // 60]
            if start >= hour.counted:
                hour.add((minute, service, pattern, severity), seen, kept, 0)

    def add_sent(self, start: Position, ledger: Iterable[Mapping[str, Any]]) -> None:
        """Count what of a frame was kept as sent."""
        for minute, service, pattern, severity, _, kept in _rows(ledger):
            hour = self[minute // 60]
            if start >= hour.sent:
                hour.add((minute, service, pattern, severity), 0, 0, kept)


def _rows(ledger: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    return (row for each in ledger for row in each.get("counts", ()))


def _until(entries: Iterable[Entry], place: Position) -> Iterator[Entry]:
    """The frames that end before a place in the log."""
    return takewhile(lambda entry: entry.end <= place, entries)


def _sent(directory: str) -> Position:
    """The place that all destinations of log records have reached."""
    since = time.time_ns() - cursors.GONE_NS
    places = cursors.read(os.path.join(directory, "cursors"), since=since).values()
    return min((place.position for place in places if place.signal == "logs"), default=START)


def _position(text: Any) -> Position:
    try:
        return Position.parse(text) if text else START
    except ValueError:
        return START


def _merged(tallies: Iterable[Tally], became: Mapping[str, str]) -> list[Tally]:
    """Each minute, service, pattern and severity once, by what patterns have become."""
    found: dict[tuple[int, str, str, int], list[int]] = {}
    for minute, service, pattern, severity, *numbers in tallies:
        cell = found.setdefault((minute, service, became.get(pattern, pattern), severity), [0, 0, 0])
        cell[:] = map(add, cell, numbers)
    return [Tally(*key, *numbers) for key, numbers in sorted(found.items())]


def _living(patterns: Mapping[str, Described], became: Mapping[str, str]) -> dict[str, Described]:
    """What patterns are by the ids that they have now; those that went into one were a part of it."""
    found: dict[str, Described] = {}
    for id, each in patterns.items():
        now = became.get(id, id)
        kind, template, _, _ = patterns.get(now, each)
        before = found.get(now, each)
        found[now] = Described(kind, template, min(before.first, each.first), max(before.last, each.last))
    return found
