"""Records as they are written, over every mount that can follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import making
from mounting import MOUNTS, Mounted, events
from served import TOKEN

pytestmark = pytest.mark.servers

FOLLOWING = [name for name, mount in MOUNTS.items() if mount.follows]
WITH_WEBSOCKET = [name for name, mount in MOUNTS.items() if mount.websocket]

#: What no server logs about the requests themselves.
FATAL = 21

#: Ids of traces that no other test has.
traces = count(1000)

HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(params=FOLLOWING)
def following(request: pytest.FixtureRequest, servers: dict[str, Mounted]) -> Mounted:
    return servers[request.param]


@pytest.fixture(params=WITH_WEBSOCKET)
def websocket(request: pytest.FixtureRequest, servers: dict[str, Mounted]) -> Mounted:
    return servers[request.param]


def bodies(lines: Iterator[str]) -> Iterator[str]:
    return (json.loads(line)["body"] for line in lines if line)


def test_events_come_of_what_is_written_from_now_on(following: Mounted) -> None:
    with following.lines("/logs/stream") as lines:
        coming = events(lines)
        next(coming)
        following.log("written while a browser looks")
        event = next(coming)
    assert (event.name, json.loads(event.data)["body"]) == ("log", "written while a browser looks")


def test_lines_come_of_what_is_written_from_now_on(following: Mounted) -> None:
    with following.lines("/logs?follow=true") as lines:
        next(lines)
        following.log("written while curl looks")
        assert next(bodies(lines)) == "written while curl looks"


def test_what_other_services_write_does_not_come(following: Mounted) -> None:
    with following.lines("/logs?follow=true") as lines:
        next(lines)
        following.log("not for us", service="other")
        following.log("for us")
        assert next(bodies(lines)) == "for us"


def test_what_is_followed_can_be_filtered(following: Mounted) -> None:
    with following.lines("/logs?follow=true&text=wanted") as lines:
        next(lines)
        following.log("something else")
        following.log("what is wanted")
        assert next(bodies(lines)) == "what is wanted"


def test_who_comes_back_misses_nothing_whichever_process_answers(following: Mounted) -> None:
    found: list[int] = []
    headers: dict[str, str] = {}
    for number in range(0, 8, 2):
        with following.lines("/logs/stream?level=fatal", **headers) as lines:
            coming = events(lines)
            headers["last-event-id"] = next(coming).id
            following.log(f"numbered {number}", severity=FATAL)
            while len(found) <= number:
                event = next(coming)
                found.append(int(json.loads(event.data)["body"].split()[1]))
                headers["last-event-id"] = event.id or headers["last-event-id"]
        following.log(f"numbered {number + 1}", severity=FATAL)  # while nobody is connected
    assert sorted(found) == list(range(7))


def test_a_place_that_never_was_is_refused(following: Mounted) -> None:
    answer = following.client.get("/logs/stream", headers={"last-event-id": "not a place"})
    assert answer.status_code == 400


def test_what_follows_is_never_compressed(following: Mounted) -> None:
    with following.follow("/logs?follow=true", **{"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "identity"


def test_head_of_what_follows_ends_at_once(following: Mounted) -> None:
    assert following.client.head("/logs/stream").headers["content-type"] == "text/event-stream"


def test_clients_that_left_make_room_for_others(following: Mounted) -> None:
    for _ in range(following.mount.follows + 1):
        with following.lines("/logs/stream") as lines:
            next(lines)


def test_traces_come_when_their_root_ends(following: Mounted) -> None:
    with following.lines("/traces/stream") as lines:
        coming = events(lines)
        next(coming)
        making.put(following.shop.writer, [making.span("root", trace=next(traces))])
        event = next(coming)
    assert (event.name, json.loads(event.data)["name"]) == ("trace", "root")


def test_a_websocket_tells_what_is_written(websocket: Mounted) -> None:
    with connect(f"{websocket.url.replace('http', 'ws')}/stream?text=socket", additional_headers=HEADERS) as socket:
        websocket.log("for the socket")
        message = json.loads(socket.recv(timeout=30))
    assert (message["event"], message["data"]["body"]) == ("log", "for the socket")


@pytest.mark.parametrize(("path", "status"), [("/stream?signal=none", 400), ("/logs", 404), ("/nothing", 404)])
def test_a_websocket_that_asks_wrongly_is_told_so(websocket: Mounted, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{websocket.url.replace('http', 'ws')}{path}", additional_headers=HEADERS).close()
    assert refused.value.response.status_code == status


def test_a_websocket_needs_the_token(websocket: Mounted) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{websocket.url.replace('http', 'ws')}/stream").close()
    assert refused.value.response.status_code == 401


def test_what_is_no_websocket_is_told_to_become_one(mounted: Mounted) -> None:
    assert mounted.client.get("/stream").status_code == 426


@pytest.mark.parametrize("path", ["/logs?follow=true", "/logs/stream", "/traces/stream"])
def test_a_server_of_one_request_at_a_time_does_not_follow(servers: dict[str, Mounted], path: str) -> None:
    answer = servers["wsgi, gunicorn sync"].client.get(path)
    assert answer.status_code == 501
    assert "since" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["wsgi, gunicorn gthread", "django, runserver"])
def test_clients_that_follow_leave_threads_to_the_application(servers: dict[str, Mounted], name: str) -> None:
    mounted = servers[name]
    with ExitStack() as stack:
        answers = [stack.enter_context(mounted.client.stream("GET", "/logs/stream")) for _ in range(6)]
        assert mounted.server.get("/hello").text == "hello"
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 503} == {"5"}
