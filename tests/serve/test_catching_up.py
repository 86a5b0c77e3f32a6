"""What a client is told that has more to catch up with than may wait, or than is looked at in one go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

import pytest

import tidegate.store
from making import log, put
from mounting import events
from tidegate.serve import following
from tidegate.serve.guard import Guard
from tidegate.serve.message import Body, Request
from tidegate.serve.site import Site
from tidegate.store import follow
from tidegate.store.sinks import FileSink

Follow = Callable[..., Body]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[FileSink]:
    sink = FileSink(str(tmp_path / "store"))
    yield sink
    sink.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(lambda: tidegate.store.open(tmp_path / "store", missing_ok=True), Guard())


@pytest.fixture
def client(site: Site) -> Iterator[Follow]:
    """``client(target)``: the chunks that a client gets which follows; no server stands between."""
    bodies = []

    def client(target: str, **headers: str) -> Body:
        path, _, query = target.partition("?")
        response = site.respond(Request("GET", path, query, {"host": "localhost", **headers}))
        bodies.append(response.body)
        return response.body

    yield client
    for body in bodies:
        body.close()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than two records may wait."""
    monkeypatch.setattr(follow, "MAX_BACKLOG", 2)


def write(writer: FileSink, *numbers: int) -> None:
    """Each in a block of its own."""
    for number in numbers:
        put(writer, [log(f"number {number}", number)])


def texts(body: Body) -> Iterator[str]:
    return (chunk.decode() for chunk in body if chunk)


def first_event(body: Body) -> Any:
    return next(event for text in texts(body) for event in events(iter(text.splitlines())) if event.name)


def place(client: Follow) -> str:
    """Where a client is that has just come."""
    return next(events(iter(next(client("/logs/stream")).decode().splitlines()))).id


@pytest.mark.usefixtures("few")
def test_who_was_away_too_long_is_told_by_an_event(client: Follow, writer: FileSink) -> None:
    before = place(client)
    write(writer, 0, 1, 2, 3, 4)
    event = first_event(client("/logs/stream", **{"last-event-id": before}))
    assert (event.name, json.loads(event.data)) == ("dropped", {"dropped": 3, "total": 3})


@pytest.mark.usefixtures("few")
def test_it_is_told_before_the_client_has_a_place_behind_it(client: Follow, writer: FileSink) -> None:
    before = place(client)
    write(writer, 0, 1, 2, 3, 4)
    text = next(texts(client("/logs/stream", **{"last-event-id": before})))
    assert [(event.name, event.id != "") for event in events(iter(text.splitlines()))] == [
        ("dropped", False),
        ("", True),
    ]


@pytest.mark.usefixtures("few")
def test_it_is_told_once(client: Follow, writer: FileSink) -> None:
    before = place(client)
    write(writer, 0, 1, 2, 3, 4)
    coming = texts(client("/logs/stream", **{"last-event-id": before}))
    told = next(coming)
    while "number 4" not in told:
        told += next(coming)
    assert told.count("event: dropped") == 1


@pytest.mark.usefixtures("few")
def test_who_was_away_longer_than_ever_is_told_of_all(client: Follow, writer: FileSink) -> None:
    """The first place of all is behind nothing."""
    write(writer, *range(9))
    assert json.loads(first_event(client("/logs/stream", **{"last-event-id": "0"})).data)["dropped"] == 7


@pytest.mark.usefixtures("few")
def test_who_is_slow_is_told_by_a_line(client: Follow, writer: FileSink) -> None:
    body = client("/logs?follow=true")
    next(body)
    write(writer, 0, 1, 2, 3, 4)
    line = next(text for text in texts(body) if text.strip()).splitlines()[0]
    assert json.loads(line) == {"dropped": 3, "total": 3}


@pytest.mark.usefixtures("few")
def test_who_is_slow_is_told_by_a_message(site: Site, writer: FileSink) -> None:
    follower, socket = following.websocket_follower(site, Request("GET", "/stream", headers={"host": "localhost"}))
    write(writer, 0, 1, 2, 3, 4)
    messages: list[str] = []
    while not messages:
        messages = following.messages(follower)
    socket.leave()
    assert json.loads(messages[0]) == {"event": "dropped", "data": {"dropped": 3, "total": 3}}


@pytest.mark.usefixtures("few")
def test_who_has_caught_up_is_told_of_what_is_new_and_of_all(client: Follow, writer: FileSink) -> None:
    coming = texts(client("/logs?follow=true"))
    next(coming)
    losses = []
    for _ in range(2):
        write(writer, 0, 1, 2, 3)
        losses.append(json.loads(next(text for text in coming if text.strip()).splitlines()[0]))
    assert losses == [{"dropped": 2, "total": 2}, {"dropped": 2, "total": 4}]


@pytest.mark.parametrize("target", ["/logs/stream?text=number+4", "/logs?follow=true&text=number+4"])
def test_no_portion_is_put_off_while_more_is_known_to_wait(
    client: Follow, writer: FileSink, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a chunk of its own, so that others have their turn in between; an empty one would mean a pause."""
    monkeypatch.setattr(follow, "PORTION", 1)
    body = client(target)
    next(body)
    write(writer, 0, 1, 2, 3, 4)
    chunks = list(islice(dropwhile(lambda chunk: not chunk, body), 5))
    assert [b"number 4" in chunk for chunk in chunks] == [False] * 4 + [True]
    assert b"" not in chunks


def test_who_comes_back_while_nothing_matches_need_not_search_again(
    client: Follow, writer: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PORTION", 1)
    before = place(client)
    write(writer, 0, 1, 2)
    coming = texts(client("/logs/stream?text=nothing", **{"last-event-id": before}))
    ids = [next(events(iter(next(coming).splitlines()))).id for _ in range(4)]
    assert len(set(ids)) == 4
