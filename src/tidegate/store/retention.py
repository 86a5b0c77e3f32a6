"""Which files go: too old for their class, more records than their class may have, more bytes than the store may.

Pure: a list of files, a policy and the time give a list of files to remove. A file's age is counted from
the last commit in it, since a record's own time may be that of a wrong clock or of an import.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tidegate.kinds import CLASSES, DEFAULT_CLASS, Limits, parse_retention

#: Age in seconds of what no policy speaks of.
DEFAULT_AGE = 7 * 86400.0

#: Kinds of files beside the classes: written by a living process, ended and not sealed yet, set aside for damage.
ACTIVE, ENDED, DAMAGED = "active", "ended", "damaged"

#: The class whose limits hold for another one that is not named.
_STANDS_FOR = {"error-trace": "error"}


#: What is still to be sent may grow so many times as old as its class may.
UNSENT_AGES = 2


class File(NamedTuple):
    """A file of the store as retention sees it. ``kind`` is its class, or `ACTIVE`, `ENDED` or `DAMAGED`;
    ``start`` and ``end`` are the times in ns of its first and last commit; ``records`` how many it has, if known;
    ``unsent`` the routes that have still to send some of them."""

    path: str
    kind: str
    start: int
    end: int
    size: int
    records: int = 0
    unsent: tuple[str, ...] = ()


class Policy(NamedTuple):
    """Limits by class, and the bytes that all may take together."""

    limits: Mapping[str, Limits] = MappingProxyType({})
    size: int = 1 << 30

    @classmethod
    def of(cls, retention: str, size: int) -> Policy:
        """The policy that the setting ``retention`` describes; raises ValueError for what it may not be."""
        return cls(parse_retention(retention), size)

    def age(self, kind: str) -> int:
        """Age in ns at which a file of this kind goes. One that is not sealed may hold any class: the oldest age."""
        if kind == ENDED:
            return max(self.age(name) for name in CLASSES)
        for limits in self._that_hold(kind):
            if limits.age is not None:
                return int(limits.age * 1e9)
        return int(DEFAULT_AGE * 1e9)

    def count_of(self, kind: str) -> int | None:
        """So many of the newest records are enough of this class; None for no limit."""
        return next((limits.count for limits in self._that_hold(kind) if limits.count is not None), None)

    def _that_hold(self, kind: str) -> Iterator[Limits]:
        for name in (kind, _STANDS_FOR.get(kind, ""), DEFAULT_CLASS):
            if name in self.limits:
                yield self.limits[name]

    @property
    def counts(self) -> bool:
        """Whether numbers of records matter."""
        return any(limits.count is not None for limits in self.limits.values())

    def share_of(self, kind: str) -> str:
        """The class in whose reserved share this one is; "" when nothing is reserved for it."""
        for name in (kind, _STANDS_FOR.get(kind, "")):
            if name in self.limits and self.limits[name].share is not None:
                return name
        return ""

    def reserved(self, name: str) -> float:
        """Bytes that nobody takes from this class."""
        limits = self.limits.get(name)
        return (limits.share or 0.0) * self.size if limits is not None else 0.0


def plan(
    files: Iterable[File], policy: Policy, now: int, held: Collection[str] = frozenset()
) -> list[tuple[File, str]]:
    """What to remove and why: ``age``, ``count`` or ``size``. Files of living processes count, and stay.

    Bytes go oldest first among what is not within a reserved share; only when that does not suffice, because
    living processes have taken the rest, from the reserved too. A class with a count keeps at least so many
    records while there are as many: a file goes when newer ones have them. The paths in ``held`` are of ended
    segments that may have something of a reserved share: they do not go for want of room until they are sealed,
    and what is reserved does not go in their place.

    What is still to be sent goes last: at `UNSENT_AGES` times the age of its class, whatever the count of its class,
    and for want of room when all else has gone but for what is within a reserved share.
    """
    files = sorted(files, key=lambda file: (file.end, file.path))
    gone: dict[str, tuple[File, str]] = {}
    for file, reason in (*_too_old(files, policy, now), *_too_many(files, policy)):
        gone.setdefault(file.path, (file, reason))
    left = [file for file in files if file.path not in gone]
    for file in _too_much(left, policy, held):
        gone[file.path] = (file, "size")
    return list(gone.values())


def _too_old(files: Sequence[File], policy: Policy, now: int) -> Iterator[tuple[File, str]]:
    for file in files:
        if file.kind != ACTIVE and now - file.end > policy.age(file.kind) * (UNSENT_AGES if file.unsent else 1):
            yield file, "age"


def _too_many(files: Sequence[File], policy: Policy) -> Iterator[tuple[File, str]]:
    newer: Counter[str] = Counter()
    for file in reversed(files):
        enough = policy.count_of(file.kind) if file.kind in CLASSES else None
        if enough is not None and newer[file.kind] >= enough and not file.unsent:
            yield file, "count"
        newer[file.kind] += file.records


def _too_much(files: Sequence[File], policy: Policy, held: Collection[str]) -> Iterator[File]:
    over = sum(file.size for file in files) - policy.size
    used: Counter[str] = Counter()
    for file in files:
        used[policy.share_of(file.kind)] += file.size
    candidates = [file for file in files if file.kind != ACTIVE and file.path not in held]
    spared: list[File] = []
    for file in sorted(candidates, key=lambda file: bool(file.unsent)):
        share = policy.share_of(file.kind)
        if over <= 0 or (file.unsent and held):
            return
        if share and used[share] <= policy.reserved(share):
            spared.append(file)
            continue
        used[share] -= file.size
        over -= file.size
        yield file
    for file in spared:
        if over <= 0 or held:
            return
        over -= file.size
        yield file
