"""The control page: what the processes of one route on one host tell each other, so that one budget holds for all.

A small file of fixed layout. The elected gate says what the budget is and how much of it is left to chance; every
worker (a process that starts traces) says in a slot of its own how many arrive; and a table holds hashes of the keys
that somebody has seen. Whoever reads takes the whole at once, and nobody takes a lock.

It is read and written by ``pread`` and ``pwrite``, not mapped: both act on the same memory, the page cache, and cost
less than a microsecond ten times a second. But where a mapped file is cut short by somebody (restored from a backup,
say), or the disk is full and the file system copies on write, the kernel ends the process by SIGBUS; a guest must not
risk that. Here the same is a short read or an OSError.

Nothing is torn that matters. A slot is written by its owner alone, in one call. Linux does not promise that a reader
sees all or nothing of it, only (in practice) that aligned words of 8 bytes stay whole; and each word stands by itself:
a mixture of two states is demands of which some are a tenth of a second older. Numbers that cannot be are read as 0.

Words are little-endian and of 8 bytes; numbers are IEEE doubles::

    0       magic "TGCTRL" and format version (2 bytes)
    64      gate: beat, budget, available (traces/s), policy revision
    128     256 slots of 16 words: token, beat, spent, share, then 6 pairs of a budget's id and its demand (1/s)
    32896   2,048 buckets of 8 words, newest first: 48 bits of a key's hash and 16 of the minute it was seen

A beat is the writer's monotonic clock in ns; that it changes is what shows life (see `division`).
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tidegate.errors import FormatError
from tidegate.store import location

__all__ = ["ControlPage", "Published", "Slot"]

NAME = "control.page"

#: Version of the format. A newer one is refused and left alone, anything else is made anew.
FORMAT = 1
_MAGIC = b"TGCTRL"

SLOTS = 256
#: Budgets of which a slot can tell the demand.
BUDGETS = 6
#: Buckets of hashes, hashes in each, and minutes for which a key counts as seen.
BUCKETS, PLACES = 2048, 8
REMEMBERED = 60

_GATE = struct.Struct("<QddQ")
_SLOT = struct.Struct("<QQdd" + BUDGETS * "Qd")
_BUCKET = struct.Struct(f"<{PLACES}Q")
_GATE_AT = 64
_SLOTS_AT = 128
_BUCKETS_AT = _SLOTS_AT + SLOTS * _SLOT.size
SIZE = _BUCKETS_AT + BUCKETS * _BUCKET.size

#: Slots that are read at a time, until none of them is taken: whoever comes takes the first that is free.
_TOGETHER = 16

_LARGEST = 1e15
_MINUTES = 0xFFFF
_FREE = bytes(_SLOT.size)


class Published(NamedTuple):
    """What the gate said last: traces per second, and the revision of its policy. All 0 when none ever did."""

    beat: int
    budget: float
    available: float
    revision: int


class Slot(NamedTuple):
    """What a worker said last. ``token`` is 0 where there is none; ``demands`` are arrivals per second by budget.

    ``spent`` (traces kept since it came) and ``share`` (traces/s) are of its common budget, for whoever looks on.
    """

    token: int
    beat: int
    spent: float
    share: float
    demands: Mapping[int, float]


#: A slot that is free.
NOBODY = Slot(0, 0, 0.0, 0.0, {})


class ControlPage:
    """The control page at ``path``, made if there is none, private to the user. Safe for threads and forks.

    One that is damaged or older is made anew. Raises `FormatError` for a newer one, and OSError; so does every call.
    With ``read_only`` nothing is made or written: one that is not there, or damaged, is an error as well.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = os.fspath(path)
        self._read_only = read_only
        self._descriptor = -1
        self._open()

    def publish(self, budget: float, available: float, revision: str = "") -> None:
        """For the elected gate, at least every second: its budget, and what of it is left to chance (traces/s).

        ``revision`` is that of the policy in force, hexadecimal digits, as in `Policy.revision`.
        """
        self.renew()
        beat = time.monotonic_ns()
        self._write(_GATE.pack(beat, budget, available, int(revision[:16] or "0", 16)), _GATE_AT)

    def published(self) -> Published:
        """What the gate said last."""
        beat, budget, available, revision = _GATE.unpack(self._read(_GATE.size, _GATE_AT))
        return Published(beat, _number(budget), _number(available), revision)

    def slots(self) -> list[Slot]:
        """All slots up to the last that is taken, and some free ones unless all are taken."""
        found: list[Slot] = []
        while len(found) < SLOTS:
            at = _SLOTS_AT + len(found) * _SLOT.size
            more = [_slot(words) for words in _SLOT.iter_unpack(self._read(_TOGETHER * _SLOT.size, at))]
            found += more
            if not any(slot.token for slot in more):
                break
        return found

    def put(self, index: int, slot: Slot) -> None:
        """Write the slot of this process; of `BUDGETS` budgets at most."""
        pairs = [part for pair in list(slot.demands.items())[:BUDGETS] for part in pair]
        pairs += (2 * BUDGETS - len(pairs)) * [0]
        content = _SLOT.pack(slot.token, slot.beat, slot.spent, slot.share, *pairs)
        self._write(content, _SLOTS_AT + index * _SLOT.size)

    def free(self, index: int) -> None:
        """Give a slot to whoever comes: one's own, or one whose owner is gone. An owner that is not finds out."""
        self._write(_FREE, _SLOTS_AT + index * _SLOT.size)

    def is_new(self, key: int, minute: int | None = None) -> bool:
        """Whether nobody saw this key (its hash, 64 bits) within the last hour; from now on, somebody has.

        Two that ask within the same microseconds may both be told so. A bucket that is full forgets its oldest key.
        """
        if minute is None:
            minute = int(time.time() / 60)
        at = _BUCKETS_AT + key % BUCKETS * _BUCKET.size
        mark = key & ~_MINUTES
        words = _BUCKET.unpack(self._read(_BUCKET.size, at))
        if any(word ^ mark <= _MINUTES and (minute - word) & _MINUTES < REMEMBERED for word in words):
            return False
        others = [word for word in words if word ^ mark > _MINUTES]
        newest = [mark | minute & _MINUTES, *others, *PLACES * [0]]
        self._write(_BUCKET.pack(*newest[:PLACES]), at)
        return True

    def renew(self) -> bool:
        """Make the page anew if it was deleted or replaced under us, or is damaged; whether that was so."""
        if self._is_ours():
            return False
        self._open()
        return True

    def close(self) -> None:
        """Let go of the file. Calls after this raise OSError."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _is_ours(self) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev, there.st_size) == (mine.st_ino, mine.st_dev, SIZE)

    def _open(self) -> None:
        """Open what is there, or make it; another process may do the same at the same time."""
        for _ in range(1 if self._read_only else 3):
            try:
                access = os.O_RDONLY if self._read_only else os.O_RDWR
                descriptor = os.open(self.path, access | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                if self._read_only:
                    raise
                _make(self.path, is_first=True)
                continue
            if self._take(descriptor):
                return
            if not self._read_only:
                _make(self.path, is_first=False)
        raise FormatError(f"{self.path} is no control page, or a damaged one; remove it, and it is made anew.")

    def _take(self, descriptor: int) -> bool:
        """Use this file from now on, if it is whole: by the same number, which other threads may be about to use."""
        try:
            if not _is_whole(descriptor, self.path):
                return False
            if self._descriptor >= 0:
                os.dup2(descriptor, self._descriptor, inheritable=False)
            else:
                descriptor, self._descriptor = self._descriptor, descriptor
            return True
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _read(self, size: int, at: int) -> bytes:
        content = os.pread(self._descriptor, size, at)
        if len(content) < size:
            raise FormatError(f"{self.path} is cut short; it is made anew.")
        return content

    def _write(self, content: bytes, at: int) -> None:
        os.pwrite(self._descriptor, content, at)


def _slot(words: Sequence[float]) -> Slot:
    token, beat, spent, share, *pairs = words
    if not token:
        return NOBODY
    demands = {int(pairs[i]): _number(pairs[i + 1]) for i in range(0, 2 * BUDGETS, 2) if pairs[i]}
    return Slot(int(token), int(beat), _number(spent), _number(share), demands)


def _number(value: float) -> float:
    """A number that can be, a second or in a lifetime."""
    return value if 0 <= value < _LARGEST else 0.0


def _is_whole(descriptor: int, path: str) -> bool:
    """Whether the file is a page of this format; a newer one is refused."""
    head = os.pread(descriptor, len(_MAGIC) + 2, 0)
    if head[: len(_MAGIC)] != _MAGIC or len(head) < len(_MAGIC) + 2:
        return False
    version = int.from_bytes(head[len(_MAGIC) :], "little")
    if version > FORMAT:
        raise FormatError(f"{path} has format {version}; this version reads up to {FORMAT}. Upgrade tidegate.")
    return version == FORMAT and os.fstat(descriptor).st_size == SIZE


def _make(path: str, *, is_first: bool) -> None:
    """An empty page, in the place of another unless it ``is_first``.

    All of it is written, so that no later write finds the disk full. It need not outlast a crash of the host.
    """
    _make_directory(os.path.dirname(os.path.abspath(path)))
    fresh = f"{path}.{os.urandom(8).hex()}.partial"
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, location.FILE_MODE)
    try:
        with open(descriptor, "wb") as file:
            file.write((_MAGIC + FORMAT.to_bytes(2, "little")).ljust(SIZE, b"\0"))
        _name(fresh, path, is_first)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)


def _make_directory(path: str) -> None:
    """A directory and those above it, private to the user where there is none."""
    if not os.path.isdir(path):
        _make_directory(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, location.DIRECTORY_MODE)


def _name(fresh: str, path: str, is_first: bool) -> None:
    if is_first:
        try:
            return os.link(fresh, path)
        except FileExistsError:  # somebody was faster
            return None
        except OSError:  # a file system without links
            pass
    return os.replace(fresh, path)
