"""Which records there are, over all files of a store: each once, and as many as its segment once had."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.store.check.finding import Finding

#: Sequences in one number of bits.
_CHUNK = 1024


class Accounts:
    """One bit for each record of each segment, however sparse and however large its sequences may be."""

    def __init__(self) -> None:
        self._bits: dict[tuple[str, int], int] = {}
        self._claimed: dict[str, int] = {}

    def take(self, places: Iterable[tuple[str, int]]) -> int:
        """Enter the records of a block; returns how many of them were entered before."""
        fresh: dict[tuple[str, int], int] = {}
        doubled = 0
        for segment, sequence in places:
            key, bit = (segment, sequence // _CHUNK), 1 << sequence % _CHUNK
            known = fresh.get(key, 0)
            doubled += bool(known & bit)
            fresh[key] = known | bit
        for key, bits in fresh.items():
            known = self._bits.get(key, 0)
            doubled += (known & bits).bit_count()
            self._bits[key] = known | bits
        return doubled

    def claim(self, segment: str, next_sequence: int) -> None:
        """Note how far a segment had got when it was sealed."""
        self._claimed[segment] = max(next_sequence, self._claimed.get(segment, 0))

    def missing(self) -> Iterable[Finding]:
        """A note on what retention or the user has removed of the segments that were sealed."""
        found = dict.fromkeys(self._claimed, 0)
        for (segment, _), bits in self._bits.items():
            if segment in found:
                found[segment] += bits.bit_count()
        gone = {segment: count - found[segment] for segment, count in self._claimed.items()}
        gone = {segment: count for segment, count in gone.items() if count > 0}
        if gone:
            what = f"{sum(gone.values()):,} records of {len(gone):,} segments are not there"
            yield Finding("", f"{what}; they have expired or were deleted", "note")
