"""Files and pipes, plain or compressed (gzip, zstd): on the way in by what they begin with, out by their name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from tidegate.errors import ConfigurationError, StoreError, StoreNotFound
from tidegate.store.codec import zstd  # type: ignore[attr-defined]
from tidegate.store.location import FILE_MODE

#: Standard input or output.
PIPE = "-"

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

#: What reading a file raises when its compressed content is cut short or damaged.
UNREADABLE = (EOFError, OSError, zlib.error, zstd.ZstdError)

#: Ends the name of a file that is not complete yet.
PARTIAL = ".partial"

_BUFFER = 1 << 20

#: What is exported is nobody else's to read, as the store is.
_PRIVATELY = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Source:
    """A file on its way in. ``size`` in bytes is 0 for a pipe, ``file`` gives the content decompressed."""

    def __init__(self, name: str, raw: BinaryIO) -> None:
        self.name = "standard input" if name == PIPE else name
        self._raw = raw
        buffered = io.BufferedReader(cast("io.RawIOBase", raw), _BUFFER)
        self.size = os.fstat(raw.fileno()).st_size if raw.seekable() else 0
        self.file = cast("io.BufferedReader", io.BufferedReader(_decompressed(buffered), _BUFFER))

    @property
    def done(self) -> int:
        """Bytes of the file that were read so far."""
        return self._raw.tell() if self.size else 0


def _decompressed(file: Any) -> io.RawIOBase:
    start = file.peek(4)[:4]
    if start.startswith(GZIP_MAGIC):
        return cast("io.RawIOBase", gzip.GzipFile(fileobj=file))
    if start == ZSTD_MAGIC:
        return cast("io.RawIOBase", zstd.ZstdFile(file))
    return cast("io.RawIOBase", file)


@contextmanager
def source(path: str) -> Iterator[Source]:
    """The file at ``path``; raises `StoreNotFound` or `StoreError`."""
    if path == PIPE:
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as raw:
            yield Source(path, cast(BinaryIO, raw))
        return
    try:
        raw = open(path, "rb", buffering=0)  # noqa: SIM115 — closed below; what the caller raises is not about opening it
    except FileNotFoundError:
        raise StoreNotFound(f"there is no file {path!r}; name one that an export or a collector has written.") from None
    except OSError as error:
        raise StoreError(f"the file {path!r} cannot be read ({error.strerror}).") from None
    with raw:
        yield Source(path, cast(BinaryIO, raw))


@contextmanager
def target(path: str, *, force: bool = False) -> Iterator[IO[bytes]]:
    """A file that appears at ``path`` whole, when the block has ended, or not at all.

    Raises `ConfigurationError` for one that is there, unless ``force``, and `StoreError` when it cannot be written.
    """
    if path == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.lexists(path) and not force:
        raise ConfigurationError(f"the file {path!r} is there already; name another, or let --force replace it.")
    partial = path + PARTIAL
    try:
        with open(os.open(partial, _PRIVATELY, FILE_MODE), "wb") as raw:
            with _compressed(path, raw) as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(f"the file {path!r} cannot be written ({error.strerror or error}).") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


@contextmanager
def _compressed(path: str, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    if path.endswith(".gz"):
        # without a time, so that the same records give the same bytes
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    elif path.endswith((".zst", ".zstd")):
        with zstd.ZstdFile(raw, "wb") as compressed:
            yield cast("IO[bytes]", compressed)
    else:
        yield raw
