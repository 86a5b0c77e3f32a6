"""The bytes written from columns say what OpenTelemetry's own encoder says of the same objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from sdk_objects import LOGS, METRICS, SPANS, rows_of, sealed
from tidegate.ship.wire import Picked, encode, values
from tidegate.store.rows import AnyRows

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

Said = Callable[[str, Any], Any]

MADE: dict[str, Any] = {
    "spans": st.lists(SPANS, min_size=1, max_size=4),
    "logs": st.lists(LOGS, min_size=1, max_size=4),
    "metrics": METRICS,
}

STANDARD: dict[str, Callable[[Any], Any]] = {"spans": encode_spans, "logs": encode_logs, "metrics": encode_metrics}

EVERY = pytest.mark.parametrize("signal", ["spans", "logs", "metrics"])


def whole(*blocks: AnyRows) -> list[Picked]:
    return [Picked(rows, range(rows.count)) for rows in blocks]


@pytest.mark.parametrize("many", [1, values._MANY], ids=["by columns", "by rows"])
@EVERY
@MANY
@given(data=st.data())
def test_what_was_just_recorded_is_sent_as_the_sdk_would(
    said: Said, monkeypatch: pytest.MonkeyPatch, signal: str, many: int, data: st.DataObject
) -> None:
    monkeypatch.setattr(values, "_MANY", many)
    made = data.draw(MADE[signal])
    assert said(signal, encode(signal, whole(*rows_of(signal, made)))) == said(signal, STANDARD[signal](made))


@EVERY
@MANY
@given(data=st.data())
def test_what_was_sealed_is_sent_as_the_sdk_would(said: Said, signal: str, data: st.DataObject) -> None:
    made = data.draw(MADE[signal])
    blocks = rows_of(signal, made)
    assert said(signal, encode(signal, whole(sealed(blocks)) if blocks else [])) == said(signal, STANDARD[signal](made))


@EVERY
@MANY
@given(data=st.data())
def test_some_rows_of_some_blocks_are_sent_as_if_they_were_all(said: Said, signal: str, data: st.DataObject) -> None:
    """Each row for itself, whatever stands beside it in its block."""
    blocks = rows_of(signal, data.draw(MADE[signal]))
    picked = [
        Picked(rows, data.draw(st.lists(st.sampled_from(range(rows.count)), unique=True, max_size=3)))
        for rows in blocks
    ]
    one_by_one = [said(signal, encode(signal, [Picked(each.rows, [row])])) for each in picked for row in each.picked]
    together: dict[Any, list[bytes]] = {}
    for found in one_by_one:
        for owner, records in found.items():
            together.setdefault(owner, []).extend(records)
    assert said(signal, encode(signal, picked)) == {owner: sorted(records) for owner, records in together.items()}


@EVERY
def test_nothing_is_an_empty_request(signal: str) -> None:
    assert encode(signal, []) == b""
