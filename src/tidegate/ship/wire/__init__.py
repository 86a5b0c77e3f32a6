"""Columns straight to OTLP protobuf: the bytes of an export request, without an object for each record.

    pieces        varints, lengths and texts as bytes, remembered with a bound
    values        attributes and bodies
    spans, logs, metrics    one record's message from its columns
    marks         what the gate writes on a span that is sent: its threshold
    envelopes     records under their scopes and resources

What comes out, parsed, is the message of OpenTelemetry's own encoder (opentelemetry-exporter-otlp-proto-common)
for the same records, but for what that one leaves out although the protocol has a field for it:

- the W3C trace flags in the low 8 bits of a span's and a link's ``flags``;
- a link's ``trace_state``;
- ``flags`` of number and histogram points (only non-zero when they come from elsewhere);
- where the call of a log record stands, if Tidegate's own capture knows: ``code.file.path``, ``code.line.number``
  and ``code.function.name`` among its attributes.

And but for what a message cannot hold: such values become text by the rules of `tidegate.otlp`, times and counts
the nearest that the field has room for, where the standard encoder leaves out the attribute or fails the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

from tidegate.store.rows import AnyRows


class Mark(NamedTuple):
    """What is written on a record that is sent.

    ``threshold`` becomes ``th`` of the ``ot`` member of a span's trace state; None leaves that alone, unless
    ``clear`` takes a ``th`` out, since the probability is not known. ``attributes`` take the place of equally
    named ones.
    """

    threshold: int | None = None
    attributes: tuple[tuple[str, Any], ...] = ()
    clear: bool = False


@dataclass(slots=True)
class Picked:
    """Rows of one block, and for each of the ``picked`` ones its mark; None: all go as they are."""

    rows: AnyRows
    picked: Sequence[int]
    marks: Sequence[Mark] | None = None


def encode(signal: str, picked: Sequence[Picked]) -> bytes:
    """The ``Export{Trace,Logs,Metrics}ServiceRequest`` of these rows, all of one signal.

    Raises `FormatError`, LookupError, TypeError or ValueError only where a block's columns are not what an
    encoder writes, as `tidegate.store.rows.open_block` does.
    """
    from tidegate.ship.wire import envelopes

    # who sends logs alone does not load the rest
    module = import_module(f"tidegate.ship.wire.{signal}")
    return envelopes.request(module.messages, picked, getattr(module, "folded", iter))
