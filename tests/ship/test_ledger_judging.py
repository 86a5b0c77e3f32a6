"""What the leader's judge counts of stored log records stays exact when leaders die between any two frames."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import tidegate.store
from log_tailing import T0, Emitted, evenly
from shipping import otlp
from tidegate.record import logs
from tidegate.records import Resource
from tidegate.ship.cursors import Cursors
from tidegate.ship.election import Election
from tidegate.ship.frames import START
from tidegate.ship.judge import Judge
from tidegate.ship.ledger import LedgerReader, LedgerWriter
from tidegate.ship.plan import Plan
from tidegate.ship.route import Route
from tidegate.ship.verdicts import VerdictLog
from tidegate.store.sinks import FileSink

ROUTE = Route("0123456789abcdef", (), (), (), "gated", {})


class Host:
    """A store, processes that write into it, and one leader after the other."""

    def __init__(self, path: Path) -> None:
        self.path, self.directory = str(path), ROUTE.directory(str(path))
        self.sinks = [FileSink(self.path, route=ROUTE.id) for _ in range(2)]
        self._election = Election(self.directory)
        self._destination = otlp("http://127.0.0.1:1")
        self.reader = tidegate.store.open(self.path)
        self.committed = self.moment = 0
        self.lead()

    def lead(self) -> None:
        leadership = self._election.try_lead()
        assert leadership is not None
        self.leadership = leadership
        self.log = VerdictLog(self.directory, leadership, rotate_bytes=2000)
        self.cursors = Cursors(self.directory, leadership, self.log)
        self.cursors.open("logs-otlp", "logs")
        self.ledger = LedgerWriter(self.directory, leadership)
        self.judge = Judge(self.reader, Plan(ROUTE, [self._destination]), self.log, None, self.ledger.load_state())

    def commit(self, which: int, number: int) -> None:
        records = evenly(self.moment, 1, number, template=f"event {which} of %s")
        self.sinks[which].append(RESOURCE, logs.batch([each.sdk() for each in records]))
        self.committed += number
        self.moment += 1

    def die(self) -> None:
        """Nothing is tidied up, and the next one leads."""
        self.log.close()
        self.cursors.close()
        self.leadership.release()
        self.lead()

    def close(self) -> None:
        self.die()
        self.log.close()
        self.cursors.close()
        self.leadership.release()
        self._election.close()
        self._destination.close()
        self.reader.close()
        for sink in self.sinks:
            sink.close()


RESOURCE = Resource({"service.name": "shop"})


@pytest.mark.parametrize("seed", range(4))
def test_whenever_leaders_die_each_record_is_counted_once(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, draw = Host(tmp_path), random.Random(seed)
    append = VerdictLog.append
    kept = 0
    for step in range(40):
        host.commit(step % 2, draw.randrange(1, 60))
        fate = draw.random()
        if fate < 0.3:  # it dies before the frame is in the log
            monkeypatch.setattr(VerdictLog, "append", lambda log, frame: None)
            host.judge.look(float(step))
            monkeypatch.setattr(VerdictLog, "append", append)
            host.die()
        elif fate < 0.8:
            host.judge.look(float(step))
        if draw.random() < 0.3:
            host.ledger.count(host.log, host.log.end, host.cursors.oldest(), (T0 + step) * 10**9)
        if draw.random() < 0.2:
            host.die()
    while host.judge.look(1000.0):
        pass
    kept = sum(entry.frame.count("logs") for entry in host.log.read(START))
    tallies = LedgerReader(host.directory).read(T0 // 60 - 1, T0 // 60 + 60).tallies
    host.close()
    assert sum(tally.seen for tally in tallies) == host.committed
    assert sum(tally.kept for tally in tallies) == kept


def test_what_was_not_told_by_the_last_leader_is_told_by_the_next(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.commit(0, 5)
    host.judge.look(0.0)
    host.die()
    host.sinks[0].append(RESOURCE, logs.batch([Emitted(2, "another %s").sdk()]))
    host.judge.look(1.0)
    patterns = LedgerReader(host.directory).read(T0 // 60, T0 // 60 + 1).patterns
    host.close()
    assert sorted(each.template for each in patterns.values()) == ["another <*>", "event 0 of <*>"]
