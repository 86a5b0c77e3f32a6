"""Files and pipes, plain or compressed (gzip, zstd): on the way in by what they begin with, out by their name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import secrets
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from tidegate.errors import ConfigurationError, StoreError, StoreNotFound
from tidegate.store.codec import zstd  # type: ignore[attr-defined]

#: Standard input or output.
PIPE = "-"

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

#: What reading a file raises when its compressed content is cut short or damaged.
UNREADABLE = (EOFError, OSError, zlib.error, zstd.ZstdError)

#: What the name of a file that is not complete yet begins and ends with; between is what makes it nobody else's.
_PARTIAL = (".tidegate-export-", ".partial")

_BUFFER = 1 << 20


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
    with _open(path) as raw:
        yield Source(path, cast(BinaryIO, raw))


def check_source(path: str) -> None:
    """Raise what `source` would; a pipe is not opened, since whoever writes to it would find it closed again."""
    if path != PIPE and not (os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)):
        _open(path).close()


def _open(path: str) -> io.FileIO:
    try:
        return open(path, "rb", buffering=0)
    except FileNotFoundError:
        raise StoreNotFound(f"there is no file {path!r}; name one that an export or a collector has written.") from None
    except OSError as error:
        raise StoreError(f"the file {path!r} cannot be read ({error.strerror}).") from None


@contextmanager
def target(path: str, *, force: bool = False) -> Iterator[IO[bytes]]:
    """A file that appears at ``path`` whole, when the block has ended, or not at all.

    A link stays, and leads to it. What is no regular file, such as a device or a named pipe, is written to and never
    replaced. Raises `ConfigurationError` for a file that is there, unless ``force``, and for a directory;
    `StoreError` when it cannot be written.
    """
    there = _status(path)
    if path == PIPE or _is_standard_output(there):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise ConfigurationError(f"{path!r} is a directory; name a file in it.")
    is_file = there is None or stat.S_ISREG(there.st_mode)
    if is_file and os.path.lexists(path) and not force:
        raise ConfigurationError(f"the file {path!r} is there already; name another, or let --force replace it.")
    try:
        with _replacing(path) if is_file else _opened(path) as raw, _compressed(path, raw) as file:
            yield file
    except OSError as error:
        raise StoreError(f"the file {path!r} cannot be written ({error.strerror or error}).") from None


def _status(path: str) -> os.stat_result | None:
    """What is at ``path``, where links lead; None when that is nothing that can be seen."""
    try:
        return os.stat(path)
    except OSError:
        return None


def _is_standard_output(there: os.stat_result | None) -> bool:
    """Whether this is where standard output goes, such as ``/dev/stdout``."""
    try:
        return there is not None and os.path.samestat(there, os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):
        return False


def _opened(path: str) -> IO[bytes]:
    return open(os.open(path, os.O_WRONLY | os.O_CLOEXEC), "wb")


def _for_this_user(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A file of its own, for this user alone as the store is, that takes the place of another when it is complete."""
    path = os.path.realpath(path) if os.path.islink(path) else path
    start, end = _PARTIAL
    partial = os.path.join(os.path.dirname(path), f"{start}{secrets.token_hex(8)}{end}")
    try:  # a signal may come as soon as the file is there
        with open(partial, "xb", opener=_for_this_user) as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


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
