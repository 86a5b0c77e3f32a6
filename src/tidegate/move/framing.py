"""The messages in a file: lines of JSON, objects of JSON over several lines, or protobuf behind its length.

The collector's file exporter writes JSON one message a line, and protobuf behind its length in four bytes,
the highest first (exporter/fileexporter/file_writer.go). With ``compression: zstd`` it compressed, before
it learnt to compress the whole stream, each message by itself, JSON too, and put its length before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.errors import FormatError
from tidegate.move.files import UNREADABLE, ZSTD_MAGIC, Source
from tidegate.store.codec import zstd  # type: ignore[attr-defined]

#: No message is longer, decompressed; a length beyond it is damage, or another kind of file.
MAX_MESSAGE_BYTES = 128 << 20

LENGTH_BYTES = 4


@dataclass(slots=True)
class Message:
    """One message and where it stands; ``problem`` says why there is none."""

    place: str
    data: bytes
    is_json: bool
    problem: str = ""


def messages(source: Source) -> Iterator[Message]:
    """All messages of a file; raises `FormatError` for a file of another kind, or one that is cut short."""
    try:
        start = source.file.peek(LENGTH_BYTES + len(ZSTD_MAGIC))[: LENGTH_BYTES + len(ZSTD_MAGIC)]
        if not start:
            return
        if int.from_bytes(start[:LENGTH_BYTES], "big") <= MAX_MESSAGE_BYTES and len(start) > LENGTH_BYTES:
            yield from _framed(source)
        elif start.lstrip()[:1] in (b"{", b""):
            yield from _objects(source.file)
        else:
            raise FormatError(f"{source.name} begins with {start!r}, {_rule(start)}")
    except UNREADABLE as error:
        raise FormatError(
            f"{source.name} cannot be read further than {source.done} bytes ({error}); it is cut short or damaged."
        ) from None


def _rule(start: bytes) -> str:
    if start.startswith(b"SQLite") or (start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F):
        return "which is a file of a store; name its directory to `tidegate export --store`."
    if start.startswith(b"\n"):
        return (
            "which may be one protobuf message alone; it must be lines of JSON, or protobuf messages behind their"
            " lengths in four bytes each."
        )
    return (
        "which is neither JSON nor a length; it must be lines of JSON (OTLP, or records), or OTLP in protobuf with the"
        " length before each message, either of them plain, .gz or .zst."
    )


def _framed(source: Source) -> Iterator[Message]:
    at = 0
    while head := source.file.read(LENGTH_BYTES):
        place, length = f"byte {at}", int.from_bytes(head, "big")
        if len(head) < LENGTH_BYTES or length > MAX_MESSAGE_BYTES:
            raise FormatError(
                f"{source.name}, {place}: the length is {head.hex()}; it must be four bytes, the highest first, of at"
                f" most {MAX_MESSAGE_BYTES}. What comes after it cannot be found; the file is damaged."
            )
        data = source.file.read(length)
        if len(data) < length:
            raise FormatError(
                f"{source.name}, {place}: the message has {len(data)} bytes; by its length it must have {length}."
                " The file is cut short."
            )
        at += LENGTH_BYTES + length
        yield _unpacked(place, data)


def _unpacked(place: str, data: bytes) -> Message:
    """A message that may be compressed by itself, JSON or protobuf, whose first byte is a field's."""
    if data.startswith(ZSTD_MAGIC):
        try:
            data = _decompressed(data)
        except (EOFError, zstd.ZstdError, ValueError) as error:
            return Message(place, b"", False, f"it cannot be decompressed ({error})")
    return Message(place, data, data[:1] == b"{")


def _decompressed(data: bytes) -> bytes:
    decompressor = zstd.ZstdDecompressor()
    found: bytes = decompressor.decompress(data, MAX_MESSAGE_BYTES)
    if not decompressor.eof:
        raise ValueError(f"it is cut short, or longer than {MAX_MESSAGE_BYTES} bytes")
    return found


def _objects(file: io.BufferedReader) -> Iterator[Message]:
    """Each line that is not empty; those from one that only opens an object to the one that closes it, as one."""
    open_at, data = 0, bytearray()  # one piece: a list of lines takes many times what they have
    for number, line in _lines(file):
        if data and not line.startswith(b"{"):
            data += line
            if line[:1] in (b"}", b"]"):
                yield Message(f"line {open_at}", bytes(data), True)
                data = bytearray()
            elif len(data) > MAX_MESSAGE_BYTES:
                yield _too_long(open_at)
                data = bytearray()
            continue
        if data:
            yield Message(f"line {open_at}", bytes(data), True)
            data = bytearray()
        if len(line) > MAX_MESSAGE_BYTES:
            yield _too_long(number)
        elif _opens(line):
            open_at, data = number, bytearray(line)
        elif not line.isspace():
            yield Message(f"line {number}", line, True)
    if data:
        yield Message(f"line {open_at}", bytes(data), True)


def _opens(line: bytes) -> bool:
    """Whether an object begins here that goes on in the next line."""
    return line.startswith(b"{") and line.rstrip()[-1:] in (b"{", b"[", b",", b":")


def _too_long(number: int) -> Message:
    return Message(f"line {number}", b"", True, f"it is longer than {MAX_MESSAGE_BYTES} bytes, which none may be")


def _lines(file: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Lines and their numbers; of one that is too long, its beginning, and nothing of the rest."""
    number = 0
    while line := file.readline(MAX_MESSAGE_BYTES + 1):
        number += 1
        yield number, line
        while len(line) > MAX_MESSAGE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_MESSAGE_BYTES + 1)  # the rest of the same line
            if not line:
                break
