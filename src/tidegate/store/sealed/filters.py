"""What a sealed block may hold, so that a question passes by those that cannot answer it. Never a false no.

``words``: the distinct runs of letters (ASCII letters in lower case, and everything beyond ASCII
case-folded) in all text that ``text`` searches. Each run of a needle must be part of a word.
``pairs``: a bitmap with a bit for each attribute's key, and for each key with a value as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.store import codec
from tidegate.store.sealed.schema import TEXTS

#: Words of a block are not written when they take more than this many bytes a row.
WORD_BYTES = 32

#: Pairs of a block are not all written when there are more than this many a row.
PAIRS = 4

#: Bits for each key or pair; a bit that is set by another one costs an unnecessary look into a block.
BITS = 32

#: Letters stay as they are, and what is not ASCII; quotes end a text; all else ends a word.
_LETTERS = bytes(
    code if code >= 0x80 or chr(code).isalpha() else ord("\n") if chr(code) == '"' else ord(" ") for code in range(256)
).lower()


def make(signal: str, columns: Mapping[str, Any], written: Mapping[str, bytes]) -> tuple[bytes | None, bytes | None]:
    """The words and pairs of a block with these columns, which are written as these lines; None for anything."""
    texts = [line for name, line in written.items() if name in TEXTS[signal] or name.startswith("attributes")]
    return words(texts), pairs(columns, written)


def words(texts: Iterable[bytes]) -> bytes | None:
    """The words in these lines of JSON, compressed; None where tags may hide some."""
    raw = b"\n".join(texts)
    if b'"$text"' in raw:
        return None
    found = _words(raw)
    return codec.compress(b"\n".join(sorted(found)))


def _words(raw: bytes) -> set[bytes]:
    # most texts are equal to others but for numbers
    distinct = set(raw.translate(_LETTERS).split(b"\n"))
    found = set(b" ".join(distinct).split())
    if raw.isascii():
        return found
    return set(b"\n".join(found).decode("utf-8", "surrogatepass").casefold().encode("utf-8", "surrogatepass").split())


def may_hold(words: bytes, needle: str) -> bool:
    """Whether a text with these words may contain the needle, which is case-folded."""
    known = codec.decompress(words)
    runs = needle.encode("utf-8", "surrogatepass").translate(_LETTERS).split()
    return all(run in known for run in runs)


def pairs(columns: Mapping[str, Any], written: Mapping[str, bytes]) -> bytes | None:
    return None


def may_have(pairs: bytes, key: str, value: str | None) -> bool:
    return True
