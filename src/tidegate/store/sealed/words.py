"""Which text the records of a block may hold: the distinct runs of letters in all that ``text`` searches.

ASCII letters are in lower case, and what is beyond ASCII is case-folded. Of a text that is looked for,
each run of letters must be part of a word; digits and all else say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.store import codec

#: A block's words are not written when they are longer than this, or take as many bytes a row.
MOST, MOST_A_ROW = 16 << 10, 32

#: Letters stay as they are, and what is not ASCII; quotes end a text; all else ends a word.
_LETTERS = bytes(
    code if code >= 0x80 or chr(code).isalpha() else ord("\n") if chr(code) == '"' else ord(" ") for code in range(256)
).lower()

#: How `tidegate.store.sealed.columns.packed` begins a column with a table, ends the table, and begins one of one value.
_TABLE, _ROWS, _ALL = b'{"values":', b'],"rows":[', b'{"all":'


def make(texts: Iterable[bytes], count: int) -> bytes | None:
    """The words in these columns' lines, compressed; None where tags hide some, or there are too many."""
    raw = b"\n".join(map(_values, texts))
    if b'"$text"' in raw:
        return None
    found = b"\n".join(sorted(_words(raw)))
    return codec.compress(found) if len(found) <= max(MOST, MOST_A_ROW * count) else None


def _values(line: bytes) -> bytes:
    """The values in a column's line, without its name and what belongs to its form."""
    column = line.partition(b'":')[2]
    if column.startswith(_TABLE):
        return column[len(_TABLE) :].rpartition(_ROWS)[0]
    return column.removeprefix(_ALL)


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
