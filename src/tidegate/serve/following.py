"""Endpoints that go on: Server-Sent Events, lines of JSON, and the messages of a WebSocket.

Each client has a position in the store and a bounded queue of references to what is next: it is given more
when it has taken what it got. When more waits than `store.follow.MAX_BACKLOG`, since it is slow or was away,
the oldest is passed by, counted, and the client is told before anything that came later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from tidegate import ndjson
from tidegate.serve.ending import is_ending
from tidegate.serve.message import EVENTS, NDJSON, Body, Problem, Request, Response

if TYPE_CHECKING:
    from tidegate.records import Trace
    from tidegate.serve.places import Place
    from tidegate.serve.site import Site
    from tidegate.store.follow import Follower
    from tidegate.store.rows import Record

#: Seconds without a record after which something else shows that the connection is alive, and to some servers
#: that it is not: they notice that a client has left when they write.
HEARTBEAT = 5.0

#: Milliseconds that a browser waits before it connects again.
RETRY_MS = 1000

Signal = Literal["logs", "spans", "metrics", "traces"]

NAMES = {"logs": "log", "spans": "span", "traces": "trace"}

#: Items of one poll: event name, its id or "" within a poll, and its content.
Item = tuple[str, str, dict[str, Any]]


def logs(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _events(site, request, "logs", values)


def traces(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return _events(site, request, "traces", values)


def websocket(site: Site, request: Request, values: dict[str, Any]) -> Response:
    raise Problem(426, "this is a WebSocket; connect to it as one.", {"upgrade": "websocket", "connection": "upgrade"})


def lines(site: Site, request: Request, signal: Signal, values: dict[str, Any]) -> Response:
    """Lines of JSON as records are written. A line with ``dropped`` instead of a record tells what was passed by,
    an empty one that the connection is alive."""
    following = follower(site, request, signal, values)
    return Response(Body(_chunks(following, _line, lambda: b"\n")), NDJSON, live=True)


def _events(site: Site, request: Request, signal: Signal, values: dict[str, Any]) -> Response:
    following = follower(site, request, signal, values, request.headers.get("last-event-id", ""))

    def heartbeat() -> bytes:
        # no event, but where the client is, in case that it has to come back before there is one
        return f"retry: {RETRY_MS}\nid: {following.watermark.text()}\n\n".encode()

    return Response(Body(_chunks(following, _event, heartbeat)), EVENTS, live=True)


def follower(site: Site, request: Request, signal: Signal, values: dict[str, Any], last: str = "") -> Follower:
    """The position of a new client: now, or after the last event that it had; raises `Problem`."""
    if not request.max_live:
        raise Problem(
            501,
            "this server answers one request at a time, and following would occupy it; ask again with"
            " ?since= and ?cursor=, or run `tidegate serve`.",
        )
    from tidegate.store.follow import MAX_BACKLOG, Watermark

    after = Watermark.parse(last) if last else None
    return site.reader.follower(signal, after=after, max_backlog=MAX_BACKLOG, **values)


def items(follower: Follower) -> Iterator[Item]:
    """What has come since the last call. Only a poll's last item has an id, for a client that comes back
    gets what came after a poll."""
    found = follower.poll()
    yield from losses(follower)
    for place, record in enumerate(found, 1):
        yield NAMES[follower.signal], follower.watermark.text() if place == len(found) else "", content(record)


def losses(follower: Follower) -> Iterator[Item]:
    """What was passed by and the client was not told of yet."""
    count = follower.newly_dropped()
    if count:
        yield "dropped", "", {"dropped": count, "total": follower.dropped}


def content(record: Record | Trace) -> dict[str, Any]:
    return {**record.to_dict(), "cursor": record.cursor}


def _chunks(follower: Follower, encode: Callable[[Item], bytes], heartbeat: Callable[[], bytes]) -> Iterator[bytes]:
    # the client learns at once that it is connected; its place lies behind what was passed by, so that comes first
    yield b"".join(map(encode, losses(follower))) + heartbeat()
    spoken = time.monotonic()
    while not is_ending():
        chunk = b"".join(map(encode, items(follower)))
        # also after a portion in which nothing matched: others have their turn before the next, which is not put off
        if not chunk and (follower.pending or time.monotonic() - spoken >= HEARTBEAT):
            chunk = heartbeat()
        if chunk:
            spoken = time.monotonic()
            yield chunk
        if not follower.pending:
            yield b""


def _event(item: Item) -> bytes:
    name, identifier, data = item
    head = f"id: {identifier}\n" if identifier else ""
    return f"{head}event: {name}\ndata: ".encode() + ndjson.dumps(data) + b"\n"


def websocket_follower(site: Site, request: Request) -> tuple[Follower, Place]:
    """What a WebSocket asks for, and its place; raises `Problem`, `QueryError` or `StoreError`."""
    found = site.admit(request)
    if found.route.endpoint is not websocket:
        raise Problem(404, f"the only WebSocket is {request.base}/stream.")
    values = found.values(request)
    place = site.places.take()
    place.stay(request.max_live)
    return follower(site, request, values.pop("signal", "logs"), values), place


def messages(follower: Follower) -> list[str]:
    """The messages of a WebSocket: JSON objects with ``event``, ``data``, and at the end of a poll ``id``."""
    found = []
    for name, identifier, data in items(follower):
        message = {"event": name, "id": identifier, "data": data} if identifier else {"event": name, "data": data}
        found.append(ndjson.dumps(message).decode())
    return found


def _line(item: Item) -> bytes:
    return ndjson.dumps(item[2])
