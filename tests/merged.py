"""Segments as versions before sealing merged them: frames of ended segments, copied into one file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from sealing import ended
from store_files import segments
from tidegate.store import exchange, segment


def mergeable(directory: str | os.PathLike[str]) -> list[str]:
    """Segments that no process writes any more, merged ones among them, oldest first."""
    place = os.fspath(directory)
    if not os.path.isdir(place):
        return []
    merged = [os.path.join(place, name) for name in os.listdir(place) if name.endswith(segment.MERGED)]
    return sorted([*ended(place), *merged])


def merge(directory: str | os.PathLike[str], paths: Sequence[str] | None = None, *, cut_off: bool = False) -> None:
    """Put segments, all or some, into one file; ``cut_off`` before its sources were removed."""
    found = [os.fspath(path) for path in segments(Path(directory)) if path.suffix != ".sealed"]
    chosen = found if paths is None else list(paths)
    start = min(int(os.path.basename(path)[:20]) for path in chosen)
    end = max(os.stat(path).st_mtime_ns for path in chosen)
    target = Path(directory, f"{start:020d}-{end:020d}-{secrets.token_hex(8)}{segment.MERGED}")
    target.with_name(target.name + segment.PARTIAL).write_bytes(_frames(chosen))
    target.with_name(target.name + segment.PARTIAL).chmod(0o600)
    target.with_name(target.name + segment.PARTIAL).rename(target)
    os.utime(target, ns=(end, end))
    for path in () if cut_off else chosen:
        exchange.remove(path)


def _frames(paths: Sequence[str]) -> bytes:
    out = b""
    seen: set[segment.Key] = set()
    for path in paths:
        header: segment.Header | None = None
        data = Path(path).read_bytes()
        for ref in segment.SegmentScanner(path).scan():
            if ref.key in seen:
                continue
            seen.add(ref.key)
            if ref.header is not header:
                header = ref.header
                out += segment.encode_header(header.segment, header.resource, header.created, header.process)
            out += data[ref.start : ref.end]
    return out
