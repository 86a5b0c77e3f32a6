"""``python -m benchmarks.torture [--rounds N] [--seed S]``: kill -9 while a store is sealed, merged and pruned.

Each round writes some segments as processes that have ended would leave them, some torn, and starts a process that
keeps the store and is killed, at the n-th of its calls that change something or after a random time. Then every
record must be there once, as it was written, by its (segment, sequence); what a policy or a deletion may take, may
be missing. Every few rounds a pass is let live, and the same must hold.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tidegate.store
from tidegate.records import Resource
from tidegate.store import deleted, exchange, segment
from tidegate.store.block import Batch
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.planning import SEAL_FROM

#: What every record is counted from, in ns.
T0 = 1_700_000_000 * 10**9

#: Segments of a round, and rounds after which a new store is begun.
SEGMENTS, FRESH_AFTER = 30, 12

SEVERITIES = (5, 9, 13, 17)

#: Run by the process that is killed: the store, how many calls it lives for (0: all), hours by which its clock is
#: ahead, the policy, and the bytes of the store.
VICTIM = """
import os, signal, sys, time

directory, retention = sys.argv[1:3]
calls, hours, size = map(int, sys.argv[3:])

from tidegate.store import codec
from tidegate.store.retention import Policy
from tidegate.store.sealed import writing
from tidegate.store.upkeep import once

real = time.time_ns
time.time_ns = lambda: real() + hours * 3600 * 10**9
left = calls


def mortal(module, name):
    original = getattr(module, name)

    def function(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, function)


for name in ("rename", "unlink", "fsync", "open", "link", "utime"):
    mortal(os, name)
mortal(codec, "compress")
for name in ("add", "copy", "finish"):
    mortal(writing.Writer, name)
print("ready", flush=True)
once.upkeep(directory, Policy.of(retention, size))
print(calls - left, flush=True)
"""


@dataclass
class Store:
    """A store and what was written to it: by (segment, sequence) a record's text; ``may_go`` may be missing."""

    path: Path
    random: random.Random
    written: dict[tuple[str, int], str] = field(default_factory=dict)
    may_go: set[tuple[str, int]] = field(default_factory=set)
    number: int = 0

    def write(self) -> None:
        """Segments of processes that have ended."""
        for _ in range(SEGMENTS):
            sink = FileSink(str(self.path))
            service = self.random.choice(("shop", "till"))
            for _ in range(self.random.randint(1, 3)):
                self._write_block(sink, Resource({"service.name": service}))
            path = Path(f"{sink._open._stem}.active")  # type: ignore[union-attr]
            sink.close()
            if self.random.random() < 0.1:  # killed in the middle of a block
                with path.open("ab") as file:
                    file.write(path.read_bytes()[: self.random.randint(1, 40)])

    def _write_block(self, sink: FileSink, resource: Resource) -> None:
        is_span = self.random.random() < 0.5
        count = self.random.randint(1, 20)
        texts = [f"{'span' if is_span else 'log'} {self.number + row}" for row in range(count)]
        columns: dict[str, Any] = {"t0": str(T0), "time": [self.number + row for row in range(count)]}
        before = sink._open.sequence if sink._open is not None else 0
        if is_span:
            traces = [f"{self.random.getrandbits(128):032x}" for _ in range(2)]
            columns |= {"name": texts, "traces": traces, "trace": [row % 2 for row in range(count)]}
            columns |= {"span_id": "".join(f"{self.number + row + 1:016x}" for row in range(count))}
            columns["status"] = [2 if self.random.random() < 0.02 else 0 for _ in range(count)]
            batch = Batch("spans", count, columns, T0 + self.number, T0 + self.number + count - 1)
            batch.errors, batch.trace_ids = columns["status"].count(2), traces
        else:
            columns |= {"body": texts, "severity": [self.random.choice(SEVERITIES) for _ in range(count)]}
            batch = Batch("logs", count, columns, T0 + self.number, T0 + self.number + count - 1)
            batch.severity = max(columns["severity"])
        sink.append(resource, batch)
        segment = sink._open._id  # type: ignore[union-attr]
        for row, text in enumerate(texts):
            self.written[segment, before + row] = text
            if not is_span and columns["severity"][row] == SEVERITIES[0]:
                self._debug.add((segment, before + row))
        self.number += count

    def __post_init__(self) -> None:
        self._debug: set[tuple[str, int]] = set()

    def allow_debug_to_go(self) -> None:
        self.may_go |= self._debug

    def delete(self) -> None:
        """The user deletes what is older than some record."""
        before = self.random.randrange(self.number)
        deleted.add(str(self.path), T0 + before, time.time_ns())
        self.may_go |= {place for place, text in self.written.items() if int(text.split()[1]) < before}

    def check(self) -> str:
        """What is wrong; "" when every record is there once, as it was written."""
        with tidegate.store.open(self.path) as reader:
            found = [(_place(span.cursor), span.name) for span in reader.spans()]
            found += [(_place(log.cursor), str(log.body)) for log in reader.logs()]
            damaged = reader.damaged
        counts = Counter(place for place, _ in found)
        doubled = [place for place, count in counts.items() if count > 1]
        lost = self.written.keys() - counts.keys() - self.may_go
        changed = [place for place, text in found if self.written.get(place) != text]
        wrong = {"doubled": len(doubled), "lost": len(lost), "changed": len(changed), "damaged": damaged}
        return ", ".join(f"{count} {name}" for name, count in wrong.items() if count)


def _place(cursor: str) -> tuple[str, int]:
    """A record's (segment, sequence), which its cursor ends in."""
    _, segment, sequence = cursor.split(".")
    return segment, int(sequence, 16)


def keep(store: Store, hours: int, debug_age: str, *, calls: int = 0, seconds: float | None = None) -> int:
    """Run a pass in a process that is killed after so many calls, or seconds; returns how many calls it made, or 0."""
    retention = f"default=9999d, debug={debug_age}"
    command = [sys.executable, "-c", VICTIM, str(store.path), retention, str(calls), str(hours), str(1 << 40)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stderr is not None
        victim.stdout.readline()
        if seconds is not None:
            time.sleep(seconds)
            victim.kill()
        told, error = victim.stdout.read(), victim.stderr.read()
    if victim.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(error)
    return int(told) if victim.returncode == 0 and told.strip() else 0


def torture(directory: Path, rounds: int, seed: int) -> list[str]:
    """What went wrong in so many rounds, with the round that it happened in."""
    chance = random.Random(seed)
    wrong: list[str] = []
    most_calls, killed = 400, 0
    store = Store(directory / "store-0", chance)
    for number in range(rounds):
        if number % FRESH_AFTER == 0:
            store = Store(directory / f"store-{number}", chance)
        store.write()
        hours = chance.choice((0, 0, 2, 4, 30, 60))
        age = "9999d"
        if chance.random() < 0.3:
            age = "0.000001s"
            store.allow_debug_to_go()
        if chance.random() < 0.15:
            store.delete()
        if chance.random() < 0.5:
            made = keep(store, hours, age, calls=chance.randint(1, most_calls))
        else:
            made = keep(store, hours, age, seconds=chance.random() * 0.3)
        killed += made == 0
        wrong += [f"round {number}: {problem}" for problem in [store.check()] if problem]
        if number % 4 == 3:
            most_calls = max(keep(store, hours, age), 50)
            wrong += [f"round {number}, after a whole pass: {problem}" for problem in [store.check()] if problem]
            names = [path.name for path in store.path.iterdir()]
            left = [name for name in names if name.endswith((".partial", ".fresh")) or name == exchange.NAME]
            if sum(name.endswith(segment.ACTIVE) for name in names) >= SEAL_FROM:  # fewer may wait for others
                left.append("segments that are not sealed")
            wrong += [f"round {number}, after a whole pass there are left: {left}"] if left else []
    print(f"{rounds} rounds, {killed} killed, {len(wrong)} wrong", flush=True)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__.partition(":")[2])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        wrong = torture(Path(directory), options.rounds, options.seed)
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
