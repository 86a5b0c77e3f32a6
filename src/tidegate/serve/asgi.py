"""The readers as an ASGI application, alone or in front of another one. Nothing here blocks the event loop:
what reads the store runs in a few threads of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tidegate.serve import following
from tidegate.serve.message import MAX_BODY, POLL, Problem, Request, Response
from tidegate.serve.site import MAX_REQUESTS, Site

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

T = TypeVar("T")

#: Threads that read the store for all clients of one process.
THREADS = 4


class Readers:
    """An ASGI application that answers below ``at`` and leaves everything else to ``app``, if there is one."""

    def __init__(self, site: Site, app: Application | None = None, at: str = "") -> None:
        self._site = site
        self._app = app
        self._at = at.rstrip("/")
        self._threads = Threads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (place := self._place(scope)) is not None:
            answer = self._http if scope["type"] == "http" else self._websocket
            await answer(scope, receive, send, *place)
        elif self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)

    def _place(self, scope: Scope) -> tuple[str, str] | None:
        """Where we are mounted, and the path below; None when the request is not for us."""
        root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
        if root and (path == root or path.startswith(root + "/")):
            path = path[len(root) :]
        if path != self._at and not path.startswith(self._at + "/"):
            return None
        return root + self._at, path[len(self._at) :] or "/"

    async def _http(self, scope: Scope, receive: Receive, send: Send, root: str, path: str) -> None:
        try:
            body = await _body(receive) if scope["method"] == "POST" else b""
        except _Gone:
            return
        request = _request(scope, root, path, body)
        if self._threads.waiting >= MAX_REQUESTS:
            response = Problem(503, "too many requests wait to be answered; come again.").response()
        else:
            response = await self._threads.run(self._site.respond, request)
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await self._send(response, send, gone)
        finally:
            gone.cancel()
            self._threads.leave(response.body.close)

    async def _send(self, response: Response, send: Send, gone: asyncio.Future[None]) -> None:
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        while not gone.done():
            chunk = await self._threads.run(next, response.body, None)
            if chunk is None:
                await send({"type": "http.response.body", "body": b""})
                return
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            else:
                await asyncio.wait([gone], timeout=POLL)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, root: str, path: str) -> None:
        await receive()  # websocket.connect
        request = _request({**scope, "method": "GET"}, root, path, b"")
        try:
            follower, release = await self._threads.run(self._admit, request)
        except Problem as problem:
            await _refuse(scope, send, problem)
            return
        await send({"type": "websocket.accept"})
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            while not gone.done() and not following.is_ending():
                for message in await self._threads.run(following.messages, follower):
                    await send({"type": "websocket.send", "text": message})
                if not follower.pending:
                    await asyncio.wait([gone], timeout=POLL)
            if not gone.done():
                await send({"type": "websocket.close", "code": 1001})
        finally:
            gone.cancel()
            release()

    def _admit(self, request: Request) -> Any:
        found = self._site.admit(request)
        if found.route.path != "/stream":
            raise Problem(404, f"the only WebSocket is {request.root}/stream.")
        values = found.values(request)
        follower = following.follower(self._site, request, values.pop("signal", "logs"), values)
        return follower, self._site.take_place(live=True)


class Threads:
    """A few threads for calls that may take a moment; a forked child has its own."""

    def __init__(self) -> None:
        self.waiting = 0
        self._pid = 0
        self._pool: ThreadPoolExecutor | None = None

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pid != os.getpid():
            self._pool, self._pid = ThreadPoolExecutor(THREADS, "tidegate-reader"), os.getpid()
        return self._pool

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads(), call, *arguments)
        finally:
            self.waiting -= 1

    def leave(self, call: Callable[[], object]) -> None:
        """Have it called, and go on at once."""
        self._threads().submit(call)


class _Gone(Exception):
    """The client went away before it had said everything."""


async def _body(receive: Receive) -> bytes:
    """A request's body; what is longer than any of ours is cut, and cannot be right then."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body = (body + message.get("body", b""))[: MAX_BODY + 1]
        if not message.get("more_body") or len(body) > MAX_BODY:
            return body


async def _until_gone(receive: Receive) -> None:
    """Until the client has left. What it says meanwhile is of no interest, unless it says too much."""
    said = 0
    while (message := await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        said += len(message.get("text") or message.get("bytes") or message.get("body") or b"")
        if message["type"] == "websocket.receive" and said > MAX_BODY:
            return
        if message["type"] == "http.request" and not message.get("more_body"):
            said = 0


def _request(scope: Scope, root: str, path: str, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "http"), scope.get("scheme", "http"))
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], path, query, headers, root, scheme, body)


async def _refuse(scope: Scope, send: Send, problem: Problem) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": str(problem)[:120]})
        return
    response = problem.response()
    headers = [
        (name.encode(), value.encode()) for name, value in (*response.headers, ("content-type", response.content_type))
    ]
    await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"".join(response.body)})


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
