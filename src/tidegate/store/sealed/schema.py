"""Which columns the blocks of each signal have."""

from __future__ import annotations

from typing import Any

#: Columns of numbers and texts, with what a record has where the column is absent.
PLAIN: dict[str, dict[str, Any]] = {
    "spans": {
        "parent_is_remote": 0,
        "name": "",
        "kind": 0,
        "duration": 0,
        "status": 0,
        "status_message": "",
        "flags": 0,
        "trace_state": "",
        "dropped_attributes": 0,
        "dropped_events": 0,
        "dropped_links": 0,
    },
    "logs": {
        "observed": 0,
        "timeless": 0,
        "severity": 0,
        "severity_text": "",
        "event_name": "",
        "flags": 0,
        "dropped": 0,
    },
    "metrics": {"age": 0, "flags": 0},
}

#: Columns of values of any type, which are not compared: for Python 1, 1.0 and True are equal.
ANY: dict[str, dict[str, Any]] = {
    "spans": {"links": ()},
    "logs": {"body": None},
    "metrics": {"value": {}, "exemplars": ()},
}

#: Tables, the column of each row's place in them, and what the table of an active block without one holds.
TABLES: dict[str, dict[str, tuple[str, Any]]] = {
    "spans": {"traces": ("trace", ""), "scopes": ("scope", {})},
    "logs": {"traces": ("trace", ""), "scopes": ("scope", {}), "origins": ("origin", ["", "", 0, ""])},
    "metrics": {"scopes": ("scope", {}), "metrics": ("metric", {})},
}

#: Columns, tables included, in which ``text`` is looked for, beside attributes.
TEXTS: dict[str, tuple[str, ...]] = {
    "spans": ("name", "status_message", "span_events"),
    "logs": ("body", "event_name", "origins"),
    "metrics": ("metrics",),
}
