"""The readers as an ASGI application, alone or in front of another one. Nothing here blocks the event loop:
what reads the store runs in a few threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from tidegate.serve.ending import is_ending, notice
from tidegate.serve.message import AGAIN, MAX_BODY, POLL, Body, Problem, Request, Response
from tidegate.serve.threads import Threads

if TYPE_CHECKING:
    from tidegate.serve.places import Place
    from tidegate.serve.site import Site
    from tidegate.store.follow import Follower

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Seconds that an answer may still take when the server has been told to end; those that follow end at once.
GRACE = 2.0

#: Threads that read the store for all clients of an application, whose own work each of them would slow down,
#: and those for what needs no store, so that it never waits for a question.
THREADS = 1
QUICK_THREADS = 2

#: How many times as long as it read such a thread rests, so that an application keeps half of its interpreter.
REST = 1.0

#: Seconds in which a client has to take what is sent to it, or, when it follows, something of it; then it is left.
TAKE_S = 30.0
FOLLOW_S = 60.0

#: Seconds that a client has to say what it posts.
POST_S = 10.0

#: Seconds that a WebSocket that is refused has to be gone.
REFUSED_S = 1.0

#: Bytes that the client of a WebSocket may say; it has nothing to say.
MAX_SAID = 4096


class Readers:
    """An ASGI application that answers below ``at`` and leaves everything else to ``app``, if there is one.

    ``site`` makes the site, at the first request; inside ``around`` requests are answered; ``threads`` read the store.
    """

    def __init__(
        self,
        site: Callable[[], Site],
        app: Application | None = None,
        at: str = "",
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
        threads: int = THREADS,
        rest: float = REST,
    ) -> None:
        self._site = site
        self._app = app
        self._at = at.rstrip("/")
        self._around = around
        self._threads = Threads("reader", threads, rest)
        self._quick = Threads("quick", QUICK_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (place := self._place(scope)) is not None:
            answer = self._http if scope["type"] == "http" else self._websocket
            with self._around():
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
        if self._app is not None and path != self._at and not path.startswith(self._at + "/"):
            return None
        return root + self._at, path[len(self._at) :] or "/"

    async def _http(self, scope: Scope, receive: Receive, send: Send, root: str, path: str) -> None:
        try:
            found = await self._begin(scope, receive, root, path)
            threads = self._quick if isinstance(found, Response) else self._threads
            response = found if isinstance(found, Response) else await threads.run(found)
            try:
                timely = _timely(send, FOLLOW_S if response.live else TAKE_S)
                await _until_over(_send(response, threads, timely), receive)
            finally:
                response.body.close()
        except _Gone:
            pass

    async def _begin(self, scope: Scope, receive: Receive, root: str, path: str) -> Response | Callable[[], Response]:
        site = await self._quick.run(self._site)
        try:
            body = await _posted(site.places.take(), receive) if scope["method"] == "POST" else b""
        except Problem as problem:
            return site.refuse(_request(scope, root, path, b""), problem)
        return await self._quick.run(site.begin, _request(scope, root, path, body))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, root: str, path: str) -> None:
        await receive()  # websocket.connect
        request = _request({**scope, "method": "GET"}, root, path, b"")
        try:
            follower, place = await self._threads.run(self._follow, request)
        except Problem as problem:
            await _refuse(scope, receive, send, problem)
            return
        try:
            await send({"type": "websocket.accept"})
            await _until_over(self._tell(follower, _timely(send, FOLLOW_S)), receive)
        except _Gone:
            pass
        finally:
            place.leave()

    def _follow(self, request: Request) -> tuple[Follower, Place]:
        from tidegate.serve import following, site

        try:
            return following.websocket_follower(self._site(), request)
        except Exception as error:
            raise site.problem(error) from None

    async def _tell(self, follower: Follower, send: Send) -> None:
        from tidegate.serve import following

        notice(asyncio.get_running_loop())
        while not is_ending():
            for message in await self._threads.run(following.messages, follower):
                await send({"type": "websocket.send", "text": message})
            if not follower.pending:
                await asyncio.sleep(POLL)
        await send({"type": "websocket.close", "code": 1001})


async def _send(response: Response, threads: Threads, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": _encoded(response)})
    async for chunk in chunks(response.body, threads):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _timely(send: Send, seconds: float) -> Send:
    async def timely(message: MutableMapping[str, Any]) -> None:
        try:
            await asyncio.wait_for(send(message), seconds)
        except asyncio.TimeoutError:
            raise _Gone from None

    return timely


async def chunks(body: Body, threads: Threads) -> AsyncIterator[bytes]:
    """The chunks of a body that are not empty, made by other threads."""
    notice(asyncio.get_running_loop())
    while (chunk := await threads.run(next, body, None)) is not None:
        if chunk:
            yield chunk
        elif chunk is not AGAIN:
            await asyncio.sleep(POLL)


async def _until_over(answering: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Answer, until that is done, the client has left, or the server ends and has waited long enough."""
    tasks = [asyncio.ensure_future(each) for each in (answering, _until_gone(receive), _until_ended())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    """Until the client has left, or has said too much over a WebSocket."""
    said = 0
    while (message := await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        said += len(message.get("text") or message.get("bytes") or b"")
        if said > MAX_SAID:
            return


async def _until_ended() -> None:
    """Until the server was told to end, and a while more: a client that takes nothing must not hold it up."""
    while not is_ending():  # noqa: ASYNC110  # nobody tells, so there is nothing to wait for
        await asyncio.sleep(POLL)
    await asyncio.sleep(GRACE)


class _Gone(Exception):
    """The client went away before it had said or taken everything, or takes nothing."""


async def _posted(place: Place, receive: Receive) -> bytes:
    try:
        return await asyncio.wait_for(_body(receive), POST_S)
    except asyncio.TimeoutError:
        raise Problem(408, f"the body did not come within {POST_S:g} s; send it again.") from None
    finally:
        place.leave()


async def _body(receive: Receive) -> bytes:
    """A request's body; what is longer than any of ours is cut, and cannot be right then."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body = (body + message.get("body", b""))[: MAX_BODY + 1]
        if not message.get("more_body") or len(body) > MAX_BODY:
            return body


def _request(scope: Scope, root: str, path: str, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    scheme = str(scope.get("scheme", "http")).replace("ws", "http")
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], path, query, headers, root, scheme, body)


def _encoded(response: Response) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers]


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": str(problem)[:120]})
        return
    from tidegate.serve.site import HEADERS

    response = problem.response()
    response.headers += [*HEADERS, ("content-type", response.content_type)]
    await send({"type": "websocket.http.response.start", "status": response.status, "headers": _encoded(response)})
    await send({"type": "websocket.http.response.body", "body": b"".join(response.body)})
    try:  # until the connection is gone uvicorn takes a handshake that was refused for one that was forgotten
        await asyncio.wait_for(_until_gone(receive), REFUSED_S)
    except asyncio.TimeoutError:
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
