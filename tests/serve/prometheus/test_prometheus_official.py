"""The same metrics through the official exporter, and what Prometheus's own tool says of ours."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client import generate_latest as official

from serve.prometheus.samples import TRACE, counter, gauge, parse_text, stored, text
from tidegate.records import Point

RESOURCE = Resource({"service.name": "shop", "host.name": "box"})
SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
REQUEST: dict[str, str | int] = {
    "http.request.method": "GET",
    "http.route": "/items/{id}",
    "http.response.status_code": 200,
}


def measure(meter: Meter) -> None:
    """What a web service, its runtime and its own code measure."""
    duration = meter.create_histogram(
        "http.server.request.duration",
        "s",
        "Duration of HTTP server requests.",
        explicit_bucket_boundaries_advisory=SECONDS,
    )
    size = meter.create_histogram("http.server.request.body.size", "By", "Size of HTTP server request bodies.")
    active = meter.create_up_down_counter("http.server.active_requests", "{request}", "Requests in flight.")
    for seconds in (0.003, 0.02, 0.02, 0.7, 30):
        duration.record(seconds, REQUEST)
        size.record(seconds * 1000, REQUEST)
        active.add(1, {"http.request.method": "GET"})
    meter.create_counter("shop.orders", "{order}", "Orders placed.").add(3, {"kind": "card", "nr": 7, "vip": True})
    meter.create_counter("shop.sent.total", "By", "Bytes sent.").add(2.5, {"to": 'a "b" \\ c\nd'})
    meter.create_counter("shop.errors", description="Errors.").add(1, {"tags": ["a", "b"]})
    meter.create_observable_gauge("system.memory.usage", [one_value], "By", "Memory in use.")
    meter.create_observable_gauge("system.network.io", [one_value], "By/s", "Bytes per second.")
    meter.create_observable_counter("process.cpu.time", [one_value], "s", "CPU time.")
    meter.create_up_down_counter("shop.queue.length", "{order}", "Orders that wait.").add(-2, {"state": "idle"})
    meter.create_gauge("room.temperature", "Cel", "Temperature.").set(21.5)


def one_value(options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(1234567, {"state": "used"})


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[list[Point], str]]:
    """Points of a service as they are stored, and the official exporter's text of the same."""
    memory, registry = InMemoryMetricReader(), CollectorRegistry()
    provider = MeterProvider([memory, PrometheusMetricReader(registry=registry)], RESOURCE, shutdown_on_exit=False)
    measure(provider.get_meter("shop.metrics", "1.0"))
    yield stored([memory.get_metrics_data()], tmp_path), official(registry).decode()
    provider.shutdown()


Series = tuple[str, str, frozenset[tuple[str, str]]]


def series(shown: str) -> dict[Series, float]:
    """Values by (type, name, labels), without what only ours has: the service as a label, and aliases.

    Empty labels are none, and a boundary given as 1 is the number that it is: ours is 1.0, as OpenMetrics wants it.
    """
    return {
        (family.type, each.name, frozenset(shown_labels(each.labels))): each.value
        for family in parse_text(shown)
        for each in family.samples
        if family.name != "target_info" and not family.name.startswith(("http_requests", "http_request_duration"))
    }


def shown_labels(labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in labels.items():
        if value and name != "service_name":
            yield name, str(float(value)) if name == "le" else value


def test_names_types_labels_and_values_are_the_official_ones(both: tuple[list[Point], str]) -> None:
    points, theirs = both
    assert len(series(theirs)) > 40
    assert series(text(points)) == series(theirs)


def test_help_is_the_official_one(both: tuple[list[Point], str]) -> None:
    points, theirs = both
    ours = {family.name: family.documentation for family in parse_text(text(points))}
    assert ours.items() >= {family.name: family.documentation for family in parse_text(theirs)}.items()


def test_resource_attributes_are_the_official_ones(both: tuple[list[Point], str]) -> None:
    points, theirs = both
    ours, official_ = (
        {
            frozenset(each.labels.items())
            for family in parse_text(shown)
            if family.name == "target_info"
            for each in family.samples
        }
        for shown in (text(points), theirs)
    )
    assert ours == official_


def test_a_ratio_is_said_where_the_official_exporter_still_says_nothing() -> None:
    # The specification has "1" as ratio; the official exporter waits for the end of a discussion about counters.
    assert "cpu_utilization_ratio{" in text([gauge("cpu.utilization", 0.5, unit="1")])


def promtool(shown: str) -> tuple[int, str]:
    """Exit status and complaints of ``promtool check metrics``; 3 is a matter of style."""
    command = shutil.which("promtool")
    assert command, "promtool is not on PATH: install Prometheus, which has it (Debian: apt-get install prometheus)"
    done = subprocess.run([command, "check", "metrics"], input=shown, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_promtool_has_no_complaint(both: tuple[list[Point], str]) -> None:
    assert promtool(text(both[0])) == (0, "")


def test_promtool_has_no_complaint_about_what_is_left_out() -> None:
    points = [gauge("a", 1), counter("b", -1), counter("c", 1, temporality="delta")]
    assert promtool(text(points)) == (0, "")


def test_promtool_has_no_complaint_about_exponential_histograms(tmp_path: Path) -> None:
    view = View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation())
    memory = InMemoryMetricReader()
    provider = MeterProvider([memory], RESOURCE, shutdown_on_exit=False, views=[view])
    made = provider.get_meter("shop").create_histogram("shop.weight", "g", "Weights.")
    for weight in (0, 0.001, 1, 2, 3, 1e6):
        made.record(weight)
    points = stored([memory.get_metrics_data()], tmp_path)
    provider.shutdown()
    assert promtool(text(points)) == (0, "")


def test_names_that_promtool_does_not_like_are_those_of_the_official_exporter() -> None:
    names = {"shop.queueSize": "ms", "db.client.connection.count": "{connection}"}
    status, complaints = promtool(text([gauge(name, 1, unit=unit) for name, unit in names.items()]))
    said = {line.split()[0] for line in complaints.splitlines()}
    assert (status, said) == (3, {"shop_queueSize_milliseconds", "db_client_connection_count"})


def test_prometheus_reads_openmetrics(both: tuple[list[Point], str], tmp_path: Path) -> None:
    """By the command that makes blocks of it, which wants timestamps, as scrapes do not."""
    command = shutil.which("promtool")
    assert command, "promtool is not on PATH: install Prometheus, which has it (Debian: apt-get install prometheus)"
    shown = text(
        [*both[0], counter("with.exemplar", 1, exemplars=[{"as_int": 1, "trace_id": TRACE, "time_unix_nano": 10**18}])],
        openmetrics=True,
    )
    timed = [line if line.startswith("#") else with_time(line) for line in shown.splitlines()]
    (tmp_path / "shown").write_text("\n".join(timed) + "\n")
    made = subprocess.run(
        [command, "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "shown"), str(tmp_path / "blocks")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")


def with_time(line: str) -> str:
    sample, separator, exemplar = line.partition(" # ")
    return f"{sample} 1700000000{separator}{exemplar}"


def test_exemplars_of_the_sdk_are_shown(tmp_path: Path) -> None:
    memory = InMemoryMetricReader()
    provider = MeterProvider(
        [memory],
        RESOURCE,
        AlwaysOnExemplarFilter(),
        shutdown_on_exit=False,
        views=[View(instrument_name="shop.orders", attribute_keys={"kind"})],
    )
    provider.get_meter("shop").create_counter("shop.orders").add(1, {"kind": "card", "user": "ann"})
    points = stored([memory.get_metrics_data()], tmp_path)
    provider.shutdown()
    [line] = [line for line in text(points, openmetrics=True).splitlines() if line.startswith("shop_orders_total")]
    assert ' 1 # {user="ann"} 1 ' in line
