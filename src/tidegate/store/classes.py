"""What a record is to retention: its class, by which it is sealed, kept and removed.

A class is decided from columns, for all rows of a block at once. Most blocks are of one class, and their
index alone says so.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from tidegate.kinds import CLASSES
from tidegate.store.block import Index

ERROR, WARNING, INFO, DEBUG, ERROR_TRACE, TRACE, METRIC = CLASSES

#: Severity numbers at which a class of log records begins (OpenTelemetry's log data model).
ERROR_FROM, WARNING_FROM, INFO_FROM = 17, 13, 9

#: Rows by class; None stands for all rows of the block.
Split = Mapping[str, Sequence[int] | None]


def of_severity(severity: int) -> str:
    """The class of log records of this severity number; what has none (0) is information."""
    if severity >= ERROR_FROM:
        return ERROR
    if severity >= WARNING_FROM:
        return WARNING
    return DEBUG if 0 < severity < INFO_FROM else INFO


#: For each severity number, its class; what is beyond the data model's 24 is an error.
_OF_SEVERITY = [of_severity(number) for number in range(25)]


def possible(index: Index) -> tuple[str, ...]:
    """The classes in which records of a block may be, by its index alone: of spans without an error only `TRACE`."""
    if index.signal == "metrics":
        return (METRIC,)
    if index.signal == "spans":
        return (ERROR_TRACE, TRACE) if index.errors else (TRACE,)
    found = (ERROR, WARNING, INFO, DEBUG)
    return found[min(found.index(of_severity(index.severity)), found.index(INFO)) :]


def split(rows: Any, index: Index, error_traces: Container[str]) -> Split:
    """The rows of a block by class. ``error_traces`` are the ids of the traces that have an error."""
    if index.signal == "metrics":
        return {METRIC: None}
    if index.signal == "spans":
        return _split(rows.trace_ids, lambda trace: ERROR_TRACE if trace in error_traces else TRACE)
    return _split(
        rows.severity, lambda severity: _OF_SEVERITY[severity] if 0 <= severity < 25 else of_severity(severity)
    )


def _split(column: Sequence[Any], class_of: Callable[[Any], str]) -> Split:
    """``class_of`` is asked once for each distinct value."""
    classes = {value: class_of(value) for value in set(column)}
    found = set(classes.values())
    if len(found) == 1:
        return dict.fromkeys(found)
    out: dict[str, list[int]] = {name: [] for name in sorted(found)}
    for row, value in enumerate(column):
        out[classes[value]].append(row)
    return out
