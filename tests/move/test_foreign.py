"""What other programs wrote harms no reader, though it has what our own records never have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from served import TOKEN
from serving import serving
from tidegate.move.exporting import Export
from tidegate.move.files import source
from tidegate.move.importing import Import
from tidegate.move.writing import MAX_KNOWN, Writer
from tidegate.serve.prometheus import expose
from tidegate.store.sinks import FileSink


def imported(directory: Path, *messages: dict[str, Any]) -> Writer:
    file = directory.parent / "in.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in messages))
    sink = FileSink(str(directory))
    writer = Writer(sink)
    with source(str(file)) as opened:
        for _ in Import(writer).run(opened):
            pass
    sink.close()
    return writer


def metric(name: str, **data: Any) -> dict[str, Any]:
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": name, **data}]}]}]}


def histograms(**fields: Any) -> dict[str, Any]:
    points = [{"timeUnixNano": "5"}, {"timeUnixNano": "6", "count": "2", "sum": 3, "min": 1, "max": 2, **fields}]
    return {"aggregationTemporality": 2, "dataPoints": points}


@pytest.mark.parametrize(
    "message",
    [
        metric("m", sum={"dataPoints": [{"flags": 1, "timeUnixNano": "5"}]}),
        metric("m", gauge={"dataPoints": [{"asDouble": "-Infinity", "timeUnixNano": "5"}]}),
        metric("m", histogram=histograms(bucketCounts=["1", "1"], explicitBounds=[1])),
        metric("m", exponentialHistogram=histograms(scale=2, positive={"bucketCounts": ["2"]})),
        metric("m", summary={"dataPoints": [{"count": "1", "sum": 2, "quantileValues": [{"value": 1}]}]}),
        metric("", gauge={"dataPoints": [{}]}),
    ],
    ids=["no value", "infinity", "histogram", "exponential histogram", "summary", "nothing"],
)
def test_points_that_say_little_are_read_by_everyone(store_dir: Path, message: dict[str, Any]) -> None:
    written = imported(store_dir, message, message).written["metrics"]
    with tidegate.store.open(store_dir) as reader:
        assert len(list(reader.metrics())) == written > 0
        assert b"".join(expose(reader.current_metrics())).endswith(b"\n") or not reader.current_metrics()
        assert reader.damaged == 0


@pytest.mark.parametrize("kind", ["summary", "exponentialHistogram"])
def test_a_served_store_can_be_exported(store_dir: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TIDEGATE_TOKEN", TOKEN)
    values: dict[str, Any] = {
        "summary": {"quantileValues": [{"quantile": 0.5, "value": 2}]},
        "exponentialHistogram": {"scale": 3},
    }
    imported(store_dir, metric("m", **{kind: {"dataPoints": [{"timeUnixNano": "5", "count": "1", **values[kind]}]}}))
    written: list[bytes] = []
    with serving() as server, tidegate.store.open(server.add(str(store_dir))) as reader:
        assert list(Export(reader, "otlp-json").run(written.append, [("metrics", {})])) == [1]
    with tidegate.store.open(store_dir) as reader:
        local: list[bytes] = []
        list(Export(reader, "otlp-json").run(local.append, [("metrics", {})]))
    assert written == local


def test_spans_and_log_records_that_say_nothing_are_kept(store_dir: Path) -> None:
    imported(
        store_dir,
        {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]},
    )
    with tidegate.store.open(store_dir) as reader:
        assert [span.name for span in reader.spans()] == [""]
        assert [log.body for log in reader.logs()] == [None]
        assert len(reader.services()) == 1


def test_many_resources_are_told_apart(store_dir: Path) -> None:
    def message(service: int) -> dict[str, Any]:
        attributes = [{"key": "service.name", "value": {"stringValue": f"s{service}"}}]
        return {
            "resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [{}, {}]}]}],
        }

    imported(store_dir, *(message(service) for service in range(MAX_KNOWN + 5)))
    with tidegate.store.open(store_dir) as reader:
        services = reader.services()
    assert {service.logs for service in services} == {2}
    assert len(services) == MAX_KNOWN + 5
