"""Counts of log records of one hour, in a file.

    patterns/<hours since 1970>.counts    one zstd frame of a line of JSON; columns, one row for each cell

A cell is a minute, a service, a pattern and a severity. A file says up to which place of the verdict log it has
counted what came and was kept, and up to which what was sent, so that nothing is counted twice however often it is
tried to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from tidegate.errors import FormatError
from tidegate.ship import files
from tidegate.ship.frames import START, Position
from tidegate.store import codec

FORMAT = 1

#: Minutes since 1970, service, pattern's id, severity number.
Key = tuple[int, str, str, int]

#: Cells of one hour at most; of more, minutes are no longer told apart.
MAX_CELLS = 200_000

#: Patterns of one hour; of more, those that are new are one, `OTHER`.
MAX_PATTERNS = 10_000

OTHER = "__other__"

_NAME = re.compile(r"([0-9]{1,12})\.counts")


class Tally(NamedTuple):
    """Records that came, were kept, and were sent to every destination of log records that there is."""

    minute: int
    service: str
    pattern: str
    severity: int
    seen: int
    kept: int
    sent: int


@dataclass(slots=True)
class Hour:
    """What was counted up to ``counted``, and of it sent up to ``sent``; ``coarse``: all of it at the first minute."""

    number: int
    counted: Position = START
    sent: Position = START
    coarse: bool = False
    cells: dict[Key, list[int]] = field(default_factory=dict)
    _patterns: set[str] = field(default_factory=set)

    def add(self, key: Key, seen: int, kept: int, sent: int) -> None:
        minute, service, pattern, severity = key
        if pattern not in self._patterns:
            if len(self._patterns) >= MAX_PATTERNS:
                pattern = OTHER
            self._patterns.add(pattern)
        cell = self.cells.setdefault((self.number * 60 if self.coarse else minute, service, pattern, severity), [0] * 3)
        for place, number in enumerate((seen, kept, sent)):
            cell[place] += number
        if len(self.cells) > MAX_CELLS and not self.coarse:
            self.coarsen()

    def coarsen(self) -> None:
        """Tell minutes apart no longer."""
        cells, self.cells, self.coarse = self.cells, {}, True
        for key, numbers in cells.items():
            self.add(key, *numbers)

    def tallies(self) -> Iterator[Tally]:
        return (Tally(*key, *numbers) for key, numbers in self.cells.items())

    # -- in a file

    def save(self, directory: str, check: Callable[[], object] | None = None) -> None:
        """Put it in the place of what the file held, as `files.replace` does."""
        content = orjson.dumps(self._body(), option=orjson.OPT_APPEND_NEWLINE)
        files.replace(_path(directory, self.number), codec.compress(content), check)

    def _body(self) -> dict[str, Any]:
        services, patterns = _table(key[1] for key in self.cells), _table(key[2] for key in self.cells)
        first = self.number * 60
        cells = [
            (key[0] - first, services[key[1]], patterns[key[2]], key[3], *numbers)
            for key, numbers in self.cells.items()
        ]
        return {
            "format": FORMAT,
            "hour": self.number,
            "coarse": self.coarse,
            "counted": self.counted.text(),
            "sent": self.sent.text(),
            "services": list(services),
            "patterns": list(patterns),
            "cells": list(zip(*sorted(cells), strict=True)),
        }

    @classmethod
    def load(cls, directory: str, number: int) -> Hour:
        """What `save` wrote; nothing where there is no file, or a damaged one. Raises `FormatError` for a newer format,
        OSError."""
        path = _path(directory, number)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return cls(number)
        try:
            body = orjson.loads(codec.decompress(content))
            if body["format"] <= FORMAT:
                return cls._of(body, number)
        except (AttributeError, FormatError, LookupError, TypeError, ValueError):
            return cls(number)
        raise FormatError(f"{path} has format {body['format']}; this version reads up to {FORMAT}. Upgrade tidegate.")

    @classmethod
    def _of(cls, body: dict[str, Any], number: int) -> Hour:
        self = cls(number, Position.parse(body["counted"]), Position.parse(body["sent"]), body["coarse"])
        services, patterns = body["services"], body["patterns"]
        for minute, service, pattern, severity, *numbers in zip(*body["cells"], strict=True):
            self.cells[number * 60 + minute, services[service], patterns[pattern], severity] = numbers
        self._patterns.update(patterns)
        return self


def _table(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _path(directory: str, number: int) -> str:
    return os.path.join(directory, f"{number}.counts")


def numbers(directory: str) -> list[int]:
    """The hours (since 1970) of which there are files, in order."""
    return sorted(int(found[1]) for name in files.names(directory) if (found := _NAME.fullmatch(name)))


def remove(directory: str, number: int) -> None:
    files.unlink(_path(directory, number))
