"""Log records as OpenTelemetry has them: what is read of one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tidegate import otel
from tidegate.gate.logs.bridge import stdlib_record
from tidegate.gate.logs.early import origin_of
from tidegate.gate.logs.severities import severity_number
from tidegate.patterns.sites import place_in
from tidegate.records import ORIGIN, Origin

#: The SDK's record, and the stdlib record that it was made of, where a handler is to have that.
Carried = tuple[Any, "logging.LogRecord | None"]

#: Bytes that a waiting record is taken for besides its values, and any value besides its text; and where measuring
#: stops: no trace has room for so much.
RECORD_BYTES, VALUE_BYTES, HUGE = 400, 50, 1 << 17


def origin(log: Any, attributes: Mapping[str, Any], stdlib: logging.LogRecord | None) -> Origin:
    """What a capture left, or the filter, or what the attributes say."""
    left = getattr(log, ORIGIN, None)
    if isinstance(left, Origin):
        return left
    if stdlib is not None:
        return origin_of(stdlib)
    return Origin("", *place_in(attributes))


def held(carried: Carried) -> tuple[Carried, int]:
    """What may wait – a copy, without the stdlib record, whose arguments may change in the meantime – and its size."""
    record = carried[0]
    log = record.log_record
    return (otel.extended(record, {}), None), RECORD_BYTES + size_of(log.body, log.attributes)


def size_of(*values: Any) -> int:
    """About how many bytes values take, with all that is in them; at most `HUGE`, or what refers to itself
    would be measured for ever."""
    total, waiting = 0, list(values)
    while waiting and total < HUGE:
        value = waiting.pop()
        total += VALUE_BYTES
        if isinstance(value, (str, bytes)):
            total += len(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
    return total


def for_handler(record: Any) -> logging.LogRecord:
    """What a handler of the standard library gets of a record that came another way."""
    log, scope = record.log_record, record.instrumentation_scope
    attributes = log.attributes or {}
    return stdlib_record(
        scope.name if scope is not None else "",
        severity_number(log),
        log.body,
        log.timestamp or log.observed_timestamp or 0,
        origin(log, attributes, None),
        attributes,
    )
