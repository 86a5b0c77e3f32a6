"""Messages to records, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidegate import otlp
from tidegate.move.files import Source
from tidegate.move.framing import Message, messages
from tidegate.otlp import Malformed, Record, as_plain
from tidegate.store import values

#: What a file may be; ``auto`` is whatever its content says.
FORMATS = ("auto", "otlp-json", "otlp-proto", "ndjson")

#: The key of a JSON message of each signal. Those of the protocol's own spelling are read too.
_KEYS = {
    **{f"resource{signal.capitalize()}": signal for signal in ("spans", "logs", "metrics")},
    **{f"resource_{signal}": signal for signal in ("spans", "logs", "metrics")},
}


@dataclass(slots=True)
class Read:
    """The records of one message, by signal, and the bytes it had; ``problem`` when it could not be read."""

    records: list[tuple[str, list[Record]]]
    size: int
    problem: str = ""


def read(source: Source, form: str = "auto") -> Iterator[Read]:
    """What each message of a file holds; raises `FormatError` when the file cannot be read further."""
    for message in messages(source):
        try:
            yield Read(_records(message, form), len(message.data))
        except _Bad as error:
            yield Read([], len(message.data), f"{source.name}, {message.place}: {error}")


class _Bad(Exception):
    """What is wrong with a message, and what it must be."""


def _records(message: Message, form: str) -> list[tuple[str, list[Record]]]:
    if message.problem:
        raise _Bad(message.problem + ".")
    try:
        if not message.is_json:
            _check(form, "otlp-proto")
            signal = otlp.signal_of(message.data)
            return [(signal, otlp.read("proto", signal, message.data))] if signal else []
        return _of_json(_parsed(message.data), form)
    except Malformed as error:
        raise _Bad(f"{error}.") from None


def _check(form: str, found: str) -> None:
    if form not in ("auto", found):
        raise _Bad(f"it is {found}; by --format it must be {form}. Leave the option out to have it recognised.")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        data = values.loads(line)
    except (AttributeError, ValueError, TypeError, LookupError, RecursionError) as error:
        shown = line[:60].decode(errors="backslashreplace").rstrip()
        raise _Bad(f"it is {shown!r}…, which is no JSON object ({error}).") from None
    return data


def _of_json(data: dict[str, Any], form: str) -> list[tuple[str, list[Record]]]:
    found = {signal: key for key, signal in _KEYS.items() if key in data}
    if found:
        _check(form, "otlp-json")
        return [(signal, otlp.read("json", signal, data)) for signal in found]
    signal = as_plain.signal_of(data)
    if not signal:
        raise _Bad(
            f"it has {', '.join(list(data)[:5]) or 'nothing'}; it must have resourceSpans, resourceLogs or"
            " resourceMetrics (OTLP), or be a span, log record or metric point as `tidegate export` writes it."
        )
    _check(form, "ndjson")
    return [(signal, [as_plain.record(signal, data)])]
