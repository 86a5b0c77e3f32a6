"""Records as OTLP and back: `write` and `read` messages in JSON or in protobuf, of which `signal_of` tells the signal.

    records ──tree──▶ nested dicts ──messages + a dialect──▶ OTLP JSON (`as_json`) or protobuf (`as_proto`)

`schema` says once what messages there are; a `dialect` says how one encoding names fields and writes
numbers, ids and values. The form of `Span.to_dict` is a dialect too (`as_plain`), so that whatever
comes in is checked in the same way. Nothing here knows of files or stores.

What OTLP has no field for: a log record's template goes as the attribute ``log.record.template``. What
it cannot carry becomes text by the rules of `tidegate.ndjson`: integers beyond 64 bits, lone
surrogates, and what is nested deeper than `dialect.MAX_DEPTH`. Times and counts are kept within the
field's bits. Of what is read, fields that records do not have are ignored: a metric's metadata, and
the dropped counts of resources and scopes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from tidegate.otlp import tree
from tidegate.otlp.dialect import Malformed, without_surrogates
from tidegate.otlp.messages import reader, writer
from tidegate.otlp.schema import MESSAGES
from tidegate.otlp.tree import Record
from tidegate.otlp.wire import signal_of

__all__ = ["Malformed", "Record", "read", "signal_of", "write"]


@cache
def _encoding(form: str) -> Any:
    """The module of ``json`` or ``proto``; who reads JSON alone does not load protobuf."""
    return import_module(f"tidegate.otlp.as_{form}")


@cache
def _writer(form: str, signal: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return writer(MESSAGES[signal], getattr(_encoding(form), form.upper()))


@cache
def _reader(form: str, signal: str) -> Callable[[Any], dict[str, Any]]:
    return reader(MESSAGES[signal], getattr(_encoding(form), form.upper()))


def write(form: str, signal: str, records: Sequence[Record]) -> bytes:
    """One message of these records in ``json`` or ``proto``."""
    made, dumps = tree.build(signal, records), _encoding(form).dumps
    try:
        return bytes(dumps(signal, _writer(form, signal)(made)))
    except (TypeError, UnicodeEncodeError):  # a lone surrogate, by either library's word for it
        return bytes(dumps(signal, _writer(form, signal)(without_surrogates(made))))


def read(form: str, signal: str, message: Any) -> list[Record]:
    """The records of a message: in ``json``, an object that was parsed; in ``proto``, its bytes. Raises `Malformed`."""
    parsed = _encoding("proto").parse(signal, message) if form == "proto" else message
    try:
        return list(tree.records(signal, _reader(form, signal)(parsed)))
    except RecursionError:
        raise Malformed(message, "nested less deep") from None
