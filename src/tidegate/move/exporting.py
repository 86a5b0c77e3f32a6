"""A store's records as the bytes of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tidegate import otlp
from tidegate.move.framing import LENGTH_BYTES
from tidegate.otlp import Record
from tidegate.store import values

if TYPE_CHECKING:
    from tidegate.store import Reader

#: Records that are in memory at once, and in one message.
CHUNK = 512

SIGNALS = ("spans", "logs", "metrics")

ORDERS = {"metrics": {"order": "oldest"}}


def _json(signal: str, records: Sequence[Record]) -> bytes:
    return otlp.write("json", signal, records) + b"\n"


def _proto(signal: str, records: Sequence[Record]) -> bytes:
    message = otlp.write("proto", signal, records)
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def _lines(signal: str, records: Sequence[Record]) -> bytes:
    return b"".join(values.dumps(record.to_dict()) + b"\n" for record in records)


FORMATS: dict[str, Callable[[str, Sequence[Record]], bytes]] = {
    "otlp-json": _json,
    "otlp-proto": _proto,
    "ndjson": _lines,
}


class Export:
    """Writes what `reader` answers, signal by signal, newest first, but metric points oldest first, since what they
    amount to depends on it; counts what was ``written`` by signal, and records that the format cannot carry as
    ``left_out``."""

    def __init__(self, reader: Reader, form: str) -> None:
        self.written: Counter[str] = Counter()
        self.left_out = 0
        self._reader = reader
        self._encode = FORMATS[form]

    def run(self, write: Callable[[bytes], Any], questions: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[int]:
        """Ask for each signal with its filters, and ``write``; yields the number of records after each step."""
        for signal, filters in questions:
            found = iter(getattr(self._reader, signal)(**{**ORDERS.get(signal, {}), **filters}))
            while chunk := list(islice(found, CHUNK)):
                for part in self._encoded(signal, chunk):
                    write(part)
                yield len(chunk)

    def _encoded(self, signal: str, records: Sequence[Record]) -> Iterator[bytes]:
        """The records as bytes, in halves where one of them cannot be written, so that only that one is lost."""
        try:
            encoded = self._encode(signal, records)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError, RecursionError):
            if len(records) == 1:
                self.left_out += 1
                return
            middle = len(records) // 2
            yield from self._encoded(signal, records[:middle])
            yield from self._encoded(signal, records[middle:])
            return
        self.written[signal] += len(records)
        yield encoded


def total(reader: Reader) -> int:
    """How many records there are, from indexes alone."""
    return sum(service.spans + service.logs + service.points for service in reader.services())
