"""Processes that have a hard life, and what must be true of their store all the same."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import tidegate.store
from making import log, put, span
from tidegate.store.check import check
from tidegate.store.retention import Policy
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep.once import upkeep

#: Rounds of a test that goes by chance: few in CI, hundreds when it is asked for.
ROUNDS = int(os.environ.get("TIDEGATE_ROUNDS", "3"))

#: What a driver's process needs to import what tests do.
ENVIRON = {"PYTHONPATH": os.pathsep.join(sys.path)}

#: Records in one block of a driver.
BLOCK = 4


def commit(sink: FileSink, name: str, number: int) -> None:
    """Write a block of log records of all severities, or one of spans."""
    names = [f"{name}.{number}.{row}" for row in range(BLOCK)]
    if number % 4 == 3:
        put(sink, [span(each, number, trace=number + 1, id=row + 1) for row, each in enumerate(names)])
    else:
        put(sink, [log(each, number, severity=5 + 4 * row) for row, each in enumerate(names)])


def keep(store: str, retention: str = "default=30d", size: int = 1 << 30) -> None:
    """Seal, merge and prune, as much as there is to do."""
    upkeep(store, Policy.of(retention, size), eager=True)


def told(paths: Iterable[Path]) -> set[str]:
    """The records of which drivers have said that they are committed."""
    lines = [line for path in paths for line in path.read_text().split("\n")[:-1]]
    return {f"{line}.{row}" for line in lines for row in range(BLOCK)}


def identities(store: Path | str) -> dict[str, str]:
    """The cursor of each record by its name; fails when one is there twice or something is damaged."""
    with tidegate.store.open(store, missing_ok=True) as reader:
        found = [(str(each.body), each.cursor) for each in reader.logs()]
        found += [(each.name, each.cursor) for each in reader.spans()]
        assert reader.damaged == 0
    assert [name for name, count in Counter(name for name, _ in found).items() if count > 1] == []
    return dict(found)


def is_sound(store: Path | str) -> bool:
    """Whether a check finds no damage; shows it where it does."""
    found = [finding for finding in check(str(store)) if finding.is_damage]
    for finding in found:
        print(finding, file=sys.stderr)
    return not found
