"""A sealed file, read: what its blocks are, and which of them may hold what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.store import block


@dataclass(frozen=True, slots=True)
class Source:
    """A segment of which a sealed file holds records: how far it had got when it ended. Times in ns."""

    segment: str
    created: int
    ended: int
    next_sequence: int
    service: str
    process: Mapping[str, Any]


@dataclass(slots=True)
class SealedRef:
    """Where a sealed block is, as `tidegate.store.segment.BlockRef` says it of an active one."""

    file: SealedFile
    id: int
    index: block.Index
    service: str
    number: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """The block's identity: its file's name and its id there."""
        return (self.file.name, self.id)


class SealedFile:
    """One sealed file, read by any number of threads; see `tidegate.store.sealed.writing.Writer`.

    ``kind`` is the retention class, ``start`` and ``end`` the commit times in its name, ``first`` and
    ``last`` the times of its records, all in ns. Raises FileNotFoundError when there is no such file,
    and `FormatError` for what is no sealed file or has a newer format. It stays readable when it is
    unlinked, and a forked child opens it anew.
    """

    name: str
    kind: str
    start: int
    end: int
    size: int
    first: int
    last: int
    count: int
    refs: list[SealedRef]
    sources: list[Source]

    def __init__(self, path: str) -> None:
        self.path = path
        raise NotImplementedError

    def frame(self, id: int) -> bytes:
        """A block's compressed frame; raises `FormatError` when it cannot be read."""
        raise NotImplementedError

    def blocks_of_trace(self, prefix: str) -> set[int]:
        """The ids of the blocks that may hold a trace whose id starts with these hexadecimal digits."""
        raise NotImplementedError

    def may_hold(self, id: int, needle: str) -> bool:
        """Whether a text of the block may contain ``needle``, which is case-folded."""
        raise NotImplementedError

    def may_have(self, id: int, key: str, value: str | None) -> bool:
        """Whether a record of the block may have this attribute or field, with this value as `as_text` writes it."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file; whoever asks it something opens it again."""
        raise NotImplementedError
