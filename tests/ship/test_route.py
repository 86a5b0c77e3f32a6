"""A route is where records may go and by which rules; nothing secret can be read of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tidegate.settings import load
from tidegate.ship.route import Route, Target, differences, route_of, routes

OTLP = Target("traces", "otlp", "http://collector:4318/v1/traces")


def route(
    *targets: Target,
    environ: dict[str, str] | None = None,
    traces: str = "gated",
    trace_budget: float | None = 100.0,
    file: bytes = b"",
    identity: str = "",
    **options: Any,
) -> Route:
    made = route_of(
        load(options, environ={}),
        targets or (OTLP,),
        environ or {},
        traces=traces,
        trace_budget=trace_budget,
        file=file,
        identity=identity,
    )
    assert made is not None
    return made


def test_an_id_is_16_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{16}", route().id)


def test_the_same_settings_make_the_same_route_in_every_process() -> None:
    assert route(environ={"OTEL_EXPORTER_OTLP_TIMEOUT": "5"}) == route(environ={"OTEL_EXPORTER_OTLP_TIMEOUT": "5"})


def test_the_order_of_destinations_and_variables_makes_no_difference() -> None:
    other = Target("logs", "console")
    one, two = ("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "5")
    assert route(OTLP, other, environ=dict([one, two])) == route(other, OTLP, environ=dict([two, one]))


def test_without_a_destination_there_is_none() -> None:
    assert route_of(load({}, environ={}), (), {}, traces="gated", trace_budget=100.0) is None


@pytest.mark.parametrize(
    "other",
    [
        {"targets": [OTLP._replace(endpoint="http://other:4318/v1/traces")]},
        {"targets": [OTLP, Target("traces", "console")]},
        {"environ": {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=two"}},
        {"environ": {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem"}},
        {"environ": {"OTEL_TRACES_EXPORTER": "otlp"}},
        {"traces": "sampled"},
        {"trace_budget": 10.0},
        {"environ": {"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "gcp"}},
        {"file": b"file_format: '1.0'"},
        {"identity": "e8b1f0"},
        {"send": "all"},
        {"policy": "https://policies.example.com/shop"},
        {"span_budget": 500},
        {"log_budget": 50},
        {"slow": 0.5},
    ],
    ids=str,
)
def test_what_makes_a_difference_to_what_is_sent_makes_another_route(other: dict[str, Any]) -> None:
    assert route(*other.pop("targets", ()), **other).id != route().id


def test_two_tokens_are_two_routes() -> None:
    one, two = (route(environ={"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={token}"}) for token in ("one", "two"))
    assert one.id != two.id
    assert one.describe() == {**two.describe(), "id": one.id}


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        ({"OTEL_SERVICE_NAME": "shop"}, {}),
        ({"OTEL_EXPORTER_OTLP_HEADERS": ""}, {}),
        ({"PATH": "/bin"}, {}),
        ({}, {"ship_share": 0.5}),
        ({}, {"exit_grace": 1}),
        ({}, {"store": "/somewhere"}),
    ],
)
def test_what_makes_none_does_not(environ: dict[str, str], options: dict[str, Any]) -> None:
    assert route(environ=environ, **options) == route()


SECRET = "hunter2"
SECRETIVE: dict[str, Any] = {
    "environ": {
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{SECRET}, x-scope = {SECRET}",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": f"api-key={SECRET}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://ann:{SECRET}@collector:4318",
    },
    "policy": f"https://ann:{SECRET}@policies.example.com/shop?token={SECRET}",
    "policy_token": SECRET,
}


def test_no_secret_is_in_its_file_or_its_repr(store_dir: Path) -> None:
    made = route(Target("traces", "otlp", f"http://ann:{SECRET}@collector:4318/v1/traces?key={SECRET}"), **SECRETIVE)
    made.directory(str(store_dir))
    files = [path.read_text() for path in store_dir.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert SECRET not in "".join([repr(made), str(made), *files])


def test_it_tells_names_of_headers_and_where_it_leads(store_dir: Path) -> None:
    made = route(OTLP, **SECRETIVE)
    made.directory(str(store_dir))
    [described] = routes(str(store_dir)).values()
    assert described["headers"] == ["api-key", "authorization", "x-scope"]
    assert described["destinations"] == [OTLP._asdict()]
    assert described["rules"]["policy"] == "https://policies.example.com/shop"


def test_its_directory_is_private(store_dir: Path) -> None:
    made = Path(route().directory(str(store_dir)))
    assert made == store_dir / "routes" / route().id
    assert {path.stat().st_mode & 0o777 for path in (store_dir, made.parent, made)} == {0o700}
    assert (made / "route.json").stat().st_mode & 0o777 == 0o600


def test_its_file_is_written_once(store_dir: Path) -> None:
    path = Path(route().directory(str(store_dir))) / "route.json"
    before = path.stat().st_ino
    route().directory(str(store_dir))
    assert path.stat().st_ino == before


def test_of_a_store_without_routes_there_are_none(store_dir: Path) -> None:
    assert routes(str(store_dir)) == {}


def test_differences_are_named() -> None:
    one = route(environ={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=one"})
    other = route(environ={"OTEL_EXPORTER_OTLP_HEADERS": "api-key=two"}, trace_budget=10.0, traces="all")
    assert differences(one.describe(), other.describe()) == ["headers", "trace budget", "traces"]


def test_what_was_read_of_a_file_is_no_different(store_dir: Path) -> None:
    made = route(**SECRETIVE)
    made.directory(str(store_dir))
    assert differences(made.describe(), routes(str(store_dir))[made.id]) == []
