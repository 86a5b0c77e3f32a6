"""Processes that lead a route, or would, and do one thing after the other as a test tells them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tidegate.ship.cursors import Cursors
from tidegate.ship.election import Election, Leadership, leads
from tidegate.ship.frames import Frame
from tidegate.ship.verdicts import VerdictLog


class Clock:
    """Seconds as a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Deaf:
    """The lead of a process that was stopped between asking whether it leads and doing what it does then."""

    def __init__(self, leadership: Leadership) -> None:
        self.generation = leadership.generation

    def check(self) -> None:
        """Says nothing."""


def lead(directory: Path, **options: Any) -> Leadership:
    """The lead of a route that nobody leads."""
    leadership = Election(str(directory), **options).try_lead()
    assert leadership is not None
    return leadership


def frame(name: str = "", **rows: Any) -> Frame:
    """A frame that can be told from others."""
    return Frame(time.time_ns(), marks=[name], **rows)


class Candidate:
    """A process that stands for election in a directory. It ends with the test, whatever state it is in."""

    def __init__(self, directory: Path, kind: str = "application") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "leading", str(directory), kind],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: list[Any] = []

    def tell(self, *command: str) -> None:
        """Have it done, without waiting for it."""
        assert self.process.stdin is not None
        print(*command, file=self.process.stdin, flush=True)

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def __call__(self, *command: str) -> Any:
        self.tell(*command)
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class _Commands:
    def __init__(self, directory: str, kind: str) -> None:
        self._directory = directory
        self._election = Election(directory, standalone=kind == "standalone")
        self._leadership: Any = None

    def lead(self) -> int | None:
        self._leadership = self._election.try_lead()
        return None if self._leadership is None else self._leadership.generation

    def beat(self) -> bool:
        return bool(self._leadership.beat())

    def look(self) -> bool:
        return leads(self._directory)

    def release(self) -> None:
        self._leadership.release()

    def open(self) -> None:
        self._log = VerdictLog(self._directory, self._leadership)
        self._cursor = Cursors(self._directory, self._leadership, self._log).open("traces-otlp", "spans")

    def append(self, name: str) -> None:
        self._log.append(frame(name, spans={"a" * 16: [(0, 0)]}))

    def send(self) -> None:
        for entry in self._log.read(self._cursor.position):
            self._cursor.advance(entry)

    def deaf(self) -> None:
        self._log._leadership = Deaf(self._leadership)  # type: ignore[assignment]

    def fork(self) -> list[bool]:
        """Whether a forked child, and then this process, leads."""
        child = os.fork()
        if child == 0:
            os._exit(self._leadership.holds() or self._leadership.beat())
        return [bool(os.waitpid(child, 0)[1]), self._leadership.holds()]

    def remove(self) -> None:
        shutil.rmtree(self._directory)


def main() -> None:
    commands = _Commands(*sys.argv[1:])
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(getattr(commands, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
