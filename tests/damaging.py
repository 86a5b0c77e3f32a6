"""What may happen to a file on a disk."""

from __future__ import annotations

from pathlib import Path


def flip(path: Path, bit: int) -> None:
    """Flip one bit, counted from the first of the file."""
    content = bytearray(path.read_bytes())
    content[bit >> 3] ^= 1 << (bit & 7)
    path.write_bytes(content)


def overwrite(path: Path, at: int, length: int) -> None:
    """Let bytes be others than they were."""
    content = bytearray(path.read_bytes())
    content[at : at + length] = b"\xff" * len(content[at : at + length])
    path.write_bytes(content)
