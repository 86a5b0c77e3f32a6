"""The description of the readers says what they are; schemathesis asks a real server everything that it allows."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live_server import SCRIPTS, LiveServer, quiet_environ
from served import TOKEN, fill, served
from tidegate.serve.openapi import describe
from tidegate.serve.parameters import PARAMETERS
from tidegate.serve.routes import ROUTES

OPERATIONS = [
    (path, method, operation) for path, item in describe()["paths"].items() for method, operation in item.items()
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("described")
    fill(directory)
    with served(directory) as server:
        yield server


@pytest.mark.servers
@pytest.mark.parametrize(
    ("phases", "left_out"),
    [
        # streams have no end, and none that a client could ask for
        ("examples,fuzzing", "/stream$"),
        # what is an array takes the same parameters as what is lines
        ("coverage", "/stream$|/json$"),
    ],
    ids=["fuzzing", "coverage"],
)
def test_the_server_does_what_its_description_says(
    server: LiveServer, root: Path, tmp_path: Path, phases: str, left_out: str
) -> None:
    checked = subprocess.run(
        [
            SCRIPTS / "schemathesis",
            "run",
            f"http://127.0.0.1:{server.port}/openapi.json",
            f"--header=Authorization: Bearer {TOKEN}",
            f"--phases={phases}",
            f"--exclude-path-regex={left_out}",
            "--max-examples=10",
            "--workers=2",
            "--generation-deterministic",
            "--request-timeout=20",
            "--no-color",
        ],
        env=quiet_environ(root / "tests", SCHEMATHESIS_HOOKS="openapi_hooks"),
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, f"{checked.stdout}\n{checked.stderr}\n{server.output.read_text()}"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/logs/json?limit=9", "Log"),
        ("/spans/json?limit=9", "Span"),
        ("/traces/json?limit=9&spans=true", "TraceSummary"),
        ("/services/json", "Service"),
    ],
)
def test_every_field_of_a_record_is_described(server: LiveServer, path: str, schema: str) -> None:
    described = set(describe()["components"]["schemas"][schema]["properties"])
    records = server.get(path, authorization=f"Bearer {TOKEN}").json()
    assert records
    assert [set(record) for record in records] == [described] * len(records)


@pytest.mark.servers
def test_the_server_gives_its_own_description(server: LiveServer) -> None:
    given = server.get("/openapi.json", authorization=f"Bearer {TOKEN}").json()
    assert given == describe("", f"tidegate_session_{server.port}")


def test_every_route_and_method_is_described() -> None:
    described = {(path, method.upper()) for path, method, _ in OPERATIONS}
    assert described == {(route.path, method) for route in ROUTES for method in route.methods}


def test_every_parameter_of_a_route_is_described() -> None:
    described = {path: {each["name"] for each in operation["parameters"]} for path, how, operation in OPERATIONS
                 if how == "get"}  # fmt: skip
    in_path = {"/traces/{trace_id}": {"trace_id"}, "/patterns/{pattern_id}": {"pattern_id"}}
    assert described == {route.path: {*route.takes} | in_path.get(route.path, set()) for route in ROUTES}


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))


def test_everything_but_the_login_needs_the_token_or_the_cookie() -> None:
    description = describe("", "tidegate_session_1")
    assert description["security"] == [{"token": []}, {"session": []}]
    assert {path for path, _, operation in OPERATIONS if operation.get("security") == []} == {"/login"}
    assert description["components"]["securitySchemes"]["session"]["name"] == "tidegate_session_1"


def test_a_server_without_a_token_says_that_none_is_needed() -> None:
    assert describe("", "")["security"] == []


def test_the_url_of_a_mount_is_in_its_description() -> None:
    assert describe("/shop/telemetry")["servers"] == [{"url": "/shop/telemetry"}]


def test_every_reference_leads_somewhere() -> None:
    description = describe()

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else ()
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from references(item)

    found = set(references(description))
    assert found
    for reference in found:
        target: Any = description
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


@pytest.mark.parametrize("name", [name for name, each in PARAMETERS.items() if "examples" in each.schema])
def test_a_parameter_takes_its_own_examples(name: str) -> None:
    for example in PARAMETERS[name].schema["examples"]:
        PARAMETERS[name].parse(example)
