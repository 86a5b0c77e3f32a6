"""Endpoints that go on: Server-Sent Events, lines of JSON, and the messages of a WebSocket.

Each client has a position in the store instead of a queue: it is asked for more when it has taken what
it got. One that is too slow is not waited for: what is beyond the bound of its backlog is passed by,
counted, and the client is told.
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
    from tidegate.store.follow import Watermark

    return site.reader.follower(signal, after=Watermark.parse(last) if last else None, **values)


def items(follower: Follower) -> Iterator[Item]:
    """What has come since the last call. Only a poll's last item has an id, for a client that comes back
    gets what came after a poll."""
    passed = follower.dropped
    found = follower.poll()
    if follower.dropped > passed:
        yield "dropped", "", {"dropped": follower.dropped - passed, "total": follower.dropped}
    for place, record in enumerate(found, 1):
        yield NAMES[follower.signal], follower.watermark.text() if place == len(found) else "", content(record)


def content(record: Record | Trace) -> dict[str, Any]:
    return {**record.to_dict(), "cursor": record.cursor}


def _chunks(follower: Follower, encode: Callable[[Item], bytes], heartbeat: Callable[[], bytes]) -> Iterator[bytes]:
    yield heartbeat()  # the client learns at once that it is connected
    spoken = time.monotonic()
    while not is_ending():
        chunk = b"".join(map(encode, items(follower)))
        if not chunk and time.monotonic() - spoken >= HEARTBEAT:
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
