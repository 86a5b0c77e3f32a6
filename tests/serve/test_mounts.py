"""The same requests to every mount under its real server."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

import tidegate.store
from mounting import MOUNTS, READING, Mounted, wait_for
from served import TOKEN
from tidegate import ndjson
from tidegate.store import Reader

pytestmark = pytest.mark.servers

RECORDS = ["/logs", "/spans", "/metrics"]

Records = list[dict[str, Any]]

#: Questions, and the same ones put to a list of everything.
QUESTIONS: dict[str, Callable[[Records], Records]] = {
    "/logs?level=error": lambda found: [each for each in found if each["severity_text"] == "ERROR"],
    "/logs?min_level=warn&limit=3&offset=2": lambda found: [each for each in found if each["severity_number"] >= 13][
        2:5
    ],
    "/logs?text=%C3%9CN%C3%8FCODE&where=n=3": lambda found: [
        each for each in found if each["attributes"].get("n") == 3
    ],
    "/spans?errors=true&name=pay": lambda found: [each for each in found if each["status"]["code"] == "ERROR"],
    "/metrics?name=shop.orders": lambda found: [each for each in found if each["name"] == "shop.orders"],
}


@pytest.fixture
def reader(mounted: Mounted) -> Iterator[Reader]:
    """Of the one service that a mount shows."""
    with tidegate.store.open(mounted.shop.location, service="shop") as reader:
        yield reader


def expected(reader: Reader, mounted: Mounted, path: str) -> list[bytes]:
    return list(reader.lines(path.removeprefix("/"), until=mounted.shop.until))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", RECORDS)
def test_records_come_as_lines(mounted: Mounted, reader: Reader, path: str) -> None:
    answer = mounted.get(path)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content.splitlines(keepends=True) == expected(reader, mounted, path) != []


@pytest.mark.parametrize("path", RECORDS)
def test_records_come_as_an_array(mounted: Mounted, reader: Reader, path: str) -> None:
    answer = mounted.get(f"{path}/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [json.loads(line) for line in expected(reader, mounted, path)]


def test_traces_come_whole(mounted: Mounted, reader: Reader) -> None:
    found = [json.loads(line) for line in mounted.get("/traces?spans=true").iter_lines()]
    wanted = list(reader.traces(until=mounted.shop.until))
    assert [(trace["trace_id"], len(trace["spans"])) for trace in found] == [
        (trace.trace_id, len(trace.spans)) for trace in wanted
    ]


def test_one_trace_comes_with_its_log_records(mounted: Mounted, reader: Reader) -> None:
    wanted = next(reader.traces(until=mounted.shop.until))
    found = mounted.client.get(f"/traces/{wanted.trace_id}").json()
    assert (len(found["spans"]), len(found["logs"])) == (2, 1)


def test_a_trace_of_another_service_is_not_there(mounted: Mounted) -> None:
    assert mounted.client.get(f"/traces/{7:032x}").status_code == 404


@pytest.mark.parametrize("path", ["/services", "/services/json"])
def test_only_the_own_service_is_shown(mounted: Mounted, path: str) -> None:
    answer = mounted.client.get(path).json()
    assert (answer[0] if path.endswith("json") else answer)["name"] == "shop"


def test_records_of_other_services_cannot_be_asked_for(mounted: Mounted) -> None:
    assert mounted.get("/logs?service=other").content == b""


@pytest.mark.parametrize("question", QUESTIONS)
def test_parameters_mean_what_they_mean_to_a_reader(mounted: Mounted, reader: Reader, question: str) -> None:
    everything = [json.loads(line) for line in expected(reader, mounted, question.partition("?")[0])]
    wanted = QUESTIONS[question](everything)
    assert [json.loads(line) for line in mounted.get(question).iter_lines()] == wanted != []


def test_cursors_lead_through_all_pages(mounted: Mounted, reader: Reader) -> None:
    found, cursor = [], ""
    while page := mounted.get(f"/logs?limit=7{cursor}").content.splitlines(keepends=True):
        found += page
        cursor = f"&cursor={json.loads(page[-1])['cursor']}"
    assert found == expected(reader, mounted, "/logs")


@pytest.mark.parametrize("path", ["/logs", "/logs/json", "/traces", "/services", "/health/live", "/openapi.json"])
def test_a_slash_at_the_end_changes_nothing(mounted: Mounted, path: str) -> None:
    with_slash = mounted.client.get(f"{path}/", params={"limit": "1"} if path == "/logs" else {})
    assert with_slash.status_code == 200
    assert with_slash.headers["content-type"] == mounted.client.get(path).headers["content-type"]


@pytest.mark.parametrize("path", ["/logs", "/logs/json", "/traces", "/services", "/health/live", "/openapi.json", "/x"])
def test_head_has_the_headers_of_get_and_no_body(mounted: Mounted, path: str) -> None:
    head, get = mounted.client.head(path), mounted.client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "vary", "cache-control", "content-encoding"):
        assert head.headers.get(name) == get.headers.get(name)


def test_records_are_compressed_for_who_accepts_it(mounted: Mounted, reader: Reader) -> None:
    with mounted.client.stream(
        "GET", f"/logs?until={mounted.shop.until}", headers={"accept-encoding": "gzip"}
    ) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == b"".join(expected(reader, mounted, "/logs"))


def test_records_are_not_compressed_for_who_does_not(mounted: Mounted) -> None:
    assert "content-encoding" not in mounted.get("/logs", **{"accept-encoding": "identity"}).headers


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_cache_is_told_that_the_encoding_depends_on_the_request(mounted: Mounted, encoding: str) -> None:
    assert "accept-encoding" in mounted.get("/logs", **{"accept-encoding": encoding}).headers["vary"].lower()


def test_a_wrong_parameter_is_named_with_value_and_rule(mounted: Mounted) -> None:
    answer = mounted.client.get("/logs?limit=none")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["parameter"], problem["value"]) == ("limit", "none")
    assert problem["rule"].startswith("a whole number from 1 to ")


def test_what_does_not_exist_is_not_found(mounted: Mounted) -> None:
    assert mounted.client.get("/nothing").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_allowed(mounted: Mounted, method: str) -> None:
    answer = mounted.client.request(method, "/logs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "HEAD, GET")


@pytest.mark.parametrize("path", ["/logs", "/metrics/prometheus", "/health", "/nothing", "/"])
def test_without_the_token_nothing_is_said(mounted: Mounted, path: str) -> None:
    answer = httpx.get(mounted.url + path, trust_env=False)
    assert answer.status_code == 401
    assert "shop" not in answer.text


def test_the_mount_itself_needs_the_token_without_a_slash_too(mounted: Mounted) -> None:
    assert httpx.get(mounted.url, trust_env=False, follow_redirects=True).status_code == 401


def test_the_mount_itself_is_the_index_without_a_slash_too(mounted: Mounted) -> None:
    token = {"authorization": f"Bearer {TOKEN}"}  # without our user agent: FastAPI itself leads to the slash
    answer = mounted.server.client.get(mounted.mount.at, headers=token, follow_redirects=True)
    assert answer.json()["endpoints"] == mounted.client.get("/").json()["endpoints"]


def test_a_host_that_is_not_ours_is_refused(mounted: Mounted) -> None:
    # Django's own ALLOWED_HOSTS says 400
    assert mounted.client.get("/logs", headers={"host": "evil.example"}).status_code in (400, 403)


def test_a_browser_logs_in_with_the_token_and_stays_so(mounted: Mounted) -> None:
    with httpx.Client(base_url=mounted.url, trust_env=False, follow_redirects=True) as browser:
        answer = browser.post("/login", data={"token": TOKEN})
        assert answer.status_code == 200
        assert browser.get("/logs?limit=1").status_code == 200


def test_health_is_told(mounted: Mounted) -> None:
    assert mounted.client.get("/health").json()["status"] in ("healthy", "degraded")


def test_the_index_lists_every_endpoint(mounted: Mounted) -> None:
    assert {"/logs", "/stream", "/health/ready"} <= mounted.client.get("/").json()["endpoints"].keys()


def test_the_description_says_where_it_is(mounted: Mounted) -> None:
    assert mounted.client.get("/openapi.json").json()["servers"][0]["url"] in (mounted.mount.at, "/")


def test_prometheus_gets_its_text(mounted: Mounted) -> None:
    answer = mounted.client.get("/metrics", headers={"accept": "text/plain;version=0.0.4"})
    assert re.search(r'^shop_orders_total\{service_name="shop",.*channel="web".*\} 20$', answer.text, re.MULTILINE)


def test_many_clients_at_once_get_the_same_answers(mounted: Mounted, reader: Reader) -> None:
    questions = [path for path in (*RECORDS, *QUESTIONS) for _ in range(4)]
    alone = {question: mounted.get(question).content for question in set(questions)}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: mounted.get(question).content, questions))
    assert together == [alone[question] for question in questions]


def test_the_application_answers_as_before(mounted: Mounted) -> None:
    if mounted.mount.at:
        assert mounted.server.get("/hello").text == "hello"
    else:  # there is none
        assert mounted.client.get("/hello").status_code == 404


def test_lines_are_those_of_the_python_reader(mounted: Mounted, reader: Reader) -> None:
    wanted = [ndjson.dumps({**log.to_dict(), "cursor": log.cursor}) for log in reader.logs(until=mounted.shop.until)]
    assert mounted.get("/logs").content == b"".join(wanted)


@pytest.mark.parametrize("name", [name for name, mount in MOUNTS.items() if mount.at])
def test_requests_to_the_readers_leave_no_spans(servers: dict[str, Mounted], name: str) -> None:
    mounted = servers[name]
    mounted.client.get("/logs?limit=1")
    mounted.client.get("/nothing")
    marked = str(uuid4())
    mounted.server.get("/hello", **{"user-agent": marked})  # when this is in the store, spans before it are, too
    wait_for(lambda: marked in agents(mounted))
    assert READING not in agents(mounted)


def agents(mounted: Mounted) -> set[str]:
    """Who asked, by the server spans."""
    with tidegate.store.open(mounted.shop.location, service="shop") as reader:
        return {str(span.attributes.get("user_agent.original")) for span in reader.spans() if span.kind == "SERVER"}
