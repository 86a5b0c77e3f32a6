"""Retention classes of records."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tidegate.store import classes
from tidegate.store.block import Index


def index(signal: str, severity: int = 0, errors: int = 0) -> Index:
    return Index(signal, 4, 0, 0, severity, errors, 0, 0)


@pytest.mark.parametrize(
    ("severity", "name"),
    [
        *[(0, "info"), (1, "debug"), (8, "debug"), (9, "info"), (12, "info"), (13, "warning"), (16, "warning")],
        *[(17, "error"), (24, "error"), (99, "error"), (-1, "info")],
    ],
)
def test_a_log_record_is_classed_by_its_severity(severity: int, name: str) -> None:
    assert classes.split(SimpleNamespace(severity=[severity]), index("logs"), set()) == {name: None}


def test_rows_of_several_classes_are_told_apart() -> None:
    rows = SimpleNamespace(severity=[9, 17, 0, 5])
    assert classes.split(rows, index("logs"), set()) == {"debug": [3], "error": [1], "info": [0, 2]}


def test_spans_are_classed_by_their_trace() -> None:
    rows = SimpleNamespace(trace_ids=["a", "b", "a", "c"])
    assert classes.split(rows, index("spans"), {"a"}) == {"error-trace": [0, 2], "trace": [1, 3]}


def test_spans_of_a_block_without_errors_stay_together() -> None:
    assert classes.split(SimpleNamespace(trace_ids=["a", "b"]), index("spans"), {"c"}) == {"trace": None}


def test_metric_points_are_one_class() -> None:
    assert classes.split(SimpleNamespace(), index("metrics"), set()) == {"metric": None}


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (index("metrics"), ("metric",)),
        (index("spans"), ("trace",)),
        (index("spans", errors=1), ("error-trace", "trace")),
        (index("logs"), ("info", "debug")),
        (index("logs", 5), ("info", "debug")),
        (index("logs", 13), ("warning", "info", "debug")),
        (index("logs", 24), ("error", "warning", "info", "debug")),
    ],
)
def test_an_index_says_which_classes_there_may_be(of: Index, found: tuple[str, ...]) -> None:
    assert classes.possible(of) == found
