"""Zero code and one call give the same records, under the stable names of HTTP's semantic conventions."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from live_server import APPS, live_server, quiet_environ
from recorded import Recorded, read

pytestmark = pytest.mark.servers

#: By framework: the command under the launcher, and the one that serves the same after one call.
COMMANDS = {
    "fastapi": ("uvicorn fastapi_app:app --port PORT", "uvicorn one_call_fastapi:app --port PORT"),
    "flask": ("gunicorn -b 127.0.0.1:PORT flask_app:app", "gunicorn -b 127.0.0.1:PORT one_call_flask:app"),
    "django": (
        "gunicorn -b 127.0.0.1:PORT django_app:application",
        "gunicorn -b 127.0.0.1:PORT django_wsgi:application",
    ),
}

PATHS = ["/items/1", "/items/2?q=x", "/items/3", "/nowhere"]


def _visit(framework: str, directory: Path, *, launcher: bool, **environ: str) -> Recorded:
    shutil.copytree(APPS, directory, dirs_exist_ok=True)
    with_launcher, after_one_call = COMMANDS[framework]
    command = f"opentelemetry-instrument {with_launcher}" if launcher else after_one_call
    environ = {"OTEL_SERVICE_NAME": "shop", **environ}
    if not launcher:
        environ["DJANGO_SETTINGS_MODULE"] = "one_call_django"
    with live_server(command.split(), directory, quiet_environ(directory, **environ)) as server:
        assert [server.get(path).status_code for path in PATHS] == [200, 200, 200, 404]
        server.end(signal.SIGTERM)
    return read(directory / "store")


@pytest.fixture(scope="module", params=COMMANDS)
def framework(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def zero_code(framework: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return _visit(framework, tmp_path_factory.mktemp("zero-code"), launcher=True)


@pytest.fixture(scope="module")
def one_call(framework: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return _visit(framework, tmp_path_factory.mktemp("one-call"), launcher=False)


def _keys(attributes: object) -> tuple[str, ...]:
    return tuple(sorted(attributes))  # type: ignore[call-overload]


def test_both_ways_give_the_same_spans(zero_code: Recorded, one_call: Recorded) -> None:
    def shape(seen: Recorded) -> Counter[tuple[object, ...]]:
        return Counter((span.name, span.kind, span.status_code, _keys(span.attributes)) for span in seen.spans)

    assert shape(zero_code) == shape(one_call)
    assert len(zero_code.server_spans) == len(PATHS)


def test_both_ways_give_the_same_log_records(zero_code: Recorded, one_call: Recorded) -> None:
    def shape(seen: Recorded) -> Counter[tuple[object, ...]]:
        logs = seen.logs_of("app") + seen.logs_of("uvicorn.access")
        return Counter((log.severity_text, log.template, bool(log.trace_id), _keys(log.attributes)) for log in logs)

    assert shape(zero_code) == shape(one_call)
    assert len(zero_code.logs_of("app")) == 3


def test_both_ways_give_the_same_metrics(zero_code: Recorded, one_call: Recorded) -> None:
    def shape(seen: Recorded) -> set[tuple[object, ...]]:
        return {(point.metric, _keys(point.attributes)) for point in seen.points}

    assert shape(zero_code) == shape(one_call)


def test_both_ways_have_the_same_resource(zero_code: Recorded, one_call: Recorded) -> None:
    def shape(seen: Recorded) -> set[str]:
        # the launcher says of itself which version of it is at work
        return set(seen.spans[0].resource.attributes) - {"telemetry.auto.version"}

    assert shape(zero_code) == shape(one_call)
    assert zero_code.spans[0].service == one_call.spans[0].service == "shop"


def test_server_spans_carry_the_stable_names_only(zero_code: Recorded) -> None:
    for span in zero_code.server_spans:
        stable = {"http.request.method", "url.path", "url.scheme", "http.response.status_code", "server.address"}
        assert stable <= span.attributes.keys()
        assert not {"http.method", "http.target", "http.status_code", "http.url"} & span.attributes.keys()


def test_the_duration_of_requests_is_measured_under_its_stable_name(zero_code: Recorded) -> None:
    points = [point for point in zero_code.points if point.metric.name == "http.server.request.duration"]
    latest = {tuple(sorted(point.attributes.items())): point for point in reversed(points)}
    assert {point.metric.unit for point in points} == {"s"}
    assert sum(point.value["count"] for point in latest.values()) == len(PATHS)
    assert not any(point.metric.name == "http.server.duration" for point in zero_code.points)


def test_a_request_is_one_span(zero_code: Recorded) -> None:
    assert len(zero_code.spans) == len(PATHS)


def test_a_setting_brings_the_internal_spans_of_asgi_back(tmp_path: Path) -> None:
    seen = _visit("fastapi", tmp_path, launcher=True, OTEL_PYTHON_TIDEGATE_HTTP_INTERNAL_SPANS="true")
    internal = Counter(span.name.rsplit(" ", 1)[1] for span in seen.spans if span.kind == "INTERNAL")
    assert internal["send"] >= 2 * len(PATHS)
