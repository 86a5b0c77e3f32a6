"""Which columns the blocks of each signal have."""

from __future__ import annotations

from typing import Any

#: Columns that are written as they come, with what a record has where the column is absent.
COLUMNS: dict[str, dict[str, Any]] = {
    "spans": {
        "name": "",
        "kind": 0,
        "duration": 0,
        "status": 0,
        "status_message": "",
        "flags": 0,
        "parent_is_remote": 0,
        "trace_state": "",
        "span_events": (),
        "links": (),
        "dropped_attributes": 0,
        "dropped_events": 0,
        "dropped_links": 0,
    },
    "logs": {
        "observed": 0,
        "timeless": 0,
        "severity": 0,
        "severity_text": "",
        "body": None,
        "event_name": "",
        "flags": 0,
        "dropped": 0,
    },
    "metrics": {"age": 0, "value": {}, "exemplars": (), "flags": 0},
}

#: Those among them that an active block has in another form.
REMADE = {"span_events"}

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
