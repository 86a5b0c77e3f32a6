"""zstd frames: the one place that knows the compression binding.

Python 3.14 has zstd in its standard library; before, `backports.zstd` is the same code.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from tidegate.errors import FormatError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Level 1 costs half of level 3 and gives almost the same size on columns.
LEVEL = 1

#: No active block is larger than this once decompressed.
MAX_BLOCK_BYTES = 1 << 30

#: Nor a sealed one than this, which has room for the largest active one and what waited before it; more is damage.
MAX_SEALED_BYTES = 2 * MAX_BLOCK_BYTES


class _Own(threading.local):
    """A thread's compressors by their levels: to make one takes twice the time of compressing a small block.

    A child of a fork has only the thread that forked, which was not compressing: it may go on with them.
    """

    def __init__(self) -> None:
        self.compressors: dict[int, Any] = {}


_own = _Own()


def compress(raw: bytes, level: int = LEVEL, most: int | None = None) -> bytes:
    """One zstd frame with a content checksum; raises `FormatError` for more than a block may hold."""
    most = MAX_BLOCK_BYTES if most is None else most
    if len(raw) > most:
        raise FormatError(f"a block of {len(raw)} bytes is too large; it may have {most}")
    # put back only when it has done its work: one that failed is in the middle of a frame
    compressor = _own.compressors.pop(level, None) or _compressor(level)
    compressed: bytes = compressor.compress(raw, compressor.FLUSH_FRAME)
    _own.compressors[level] = compressor
    return compressed


def _compressor(level: int) -> Any:
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return zstd.ZstdCompressor(options=options)


def decompress(frame: bytes) -> bytes:
    """The content of one frame; raises `FormatError` when it is damaged."""
    return decompress_first(frame)[0]


def decompress_first(data: bytes) -> tuple[bytes, int]:
    """The content of the frame that these bytes begin with, and its length; raises `FormatError` when it is damaged."""
    decompressor = zstd.ZstdDecompressor()
    try:
        raw: bytes = decompressor.decompress(data, MAX_SEALED_BYTES)
    except zstd.ZstdError as error:
        raise FormatError(f"a block of {len(data)} bytes cannot be decompressed: {error}") from None
    if not decompressor.eof:
        raise FormatError(f"a block of {len(data)} bytes is cut short or larger than {MAX_SEALED_BYTES} bytes")
    return raw, len(data) - len(decompressor.unused_data)
