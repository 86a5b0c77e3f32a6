"""The frames of a sealed file without the help of SQLite, which reads nothing below a page that is damaged.

A frame is a row of the table ``frames``: a cell on a leaf page, whose content goes on on overflow pages
(https://www.sqlite.org/fileformat.html, sections 1.6 and 2.1). What is found is a frame only if it can be
decompressed, which its checksum decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, error

from tidegate.errors import FormatError
from tidegate.store import codec
from tidegate.store.sealed.writing import PAGE_BYTES

_LEAF = 0x0D

#: Bytes before the pointers to the cells of a leaf page, and where their number is.
_HEAD, _COUNT_AT = 8, 3

_TWO, _FOUR = Struct(">H"), Struct(">I")

_FRAME_MAGIC = b"\x28\xb5\x2f\xfd"

#: Most bytes that a record's header takes: its own length, nothing for the id, and the length of the frame.
_MAX_RECORD_HEAD = 12

#: Where the header of a file has the size of its pages.
_SIZE_AT = 16


def frames(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The id and the decompressed frame of each block that can be had, in order of the pages."""
    size = page_size(content)
    for page in range(0, len(content) - size + 1, size):
        # of a leaf, or of one of which a bit has been flipped
        if (content[page] ^ _LEAF).bit_count() <= 1:
            yield from _on_page(content, page, size)


def page_size(content: bytes) -> int:
    """The size in bytes of the file's pages, by its header if that can be believed."""
    size = int.from_bytes(content[_SIZE_AT : _SIZE_AT + 2], "big")
    return size if size >= 512 and size.bit_count() == 1 else PAGE_BYTES


def _on_page(content: bytes, page: int, size: int) -> Iterator[tuple[int, bytes]]:
    (count,) = _TWO.unpack_from(content, page + _COUNT_AT)
    for cell in range(min(count, size // _HEAD)):
        (at,) = _TWO.unpack_from(content, page + _HEAD + 2 * cell)
        try:
            length, at = _varint(content, page + min(at, size - 1))
            id, at = _varint(content, at)
            payload = _payload(content, at, length, size)
            start = payload.find(_FRAME_MAGIC, 0, _MAX_RECORD_HEAD + len(_FRAME_MAGIC))
            if start >= 0:
                yield id, codec.decompress_first(payload[start:])[0]
        except (FormatError, LookupError, ValueError, error):
            continue


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the highest first, and where it ends."""
    number = 0
    for place in range(at, at + 8):
        number = number << 7 | content[place] & 0x7F
        if content[place] < 0x80:
            return number, place + 1
    raise ValueError(f"a number at {at} is too long")


def _payload(content: bytes, at: int, length: int, size: int) -> bytes:
    """What a cell holds, from there on and on its overflow pages."""
    local = _local(length, size)
    if _FRAME_MAGIC not in content[at : at + min(local, _MAX_RECORD_HEAD + len(_FRAME_MAGIC))] or length > len(content):
        raise ValueError(f"there is no frame at {at}")
    parts, left, next_at = [content[at : at + local]], length - local, at + local
    while left > 0:
        (page,) = _FOUR.unpack_from(content, next_at)
        next_at = (page - 1) * size
        parts.append(content[next_at + 4 : next_at + 4 + min(left, size - 4)])
        if not parts[-1]:
            raise ValueError(f"page {page} is not there")
        left -= len(parts[-1])
    return b"".join(parts)


def _local(length: int, size: int) -> int:
    """How much of its content a cell has on its own page."""
    if length <= size - 35:
        return length
    least = (size - 12) * 32 // 255 - 23
    local = least + (length - least) % (size - 4)
    return local if local <= size - 35 else least
