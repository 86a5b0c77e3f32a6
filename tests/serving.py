"""Any number of stores, served by one real server in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

import tidegate.serve
from served import TOKEN


class Serving:
    """An ASGI application with a mount for each store. Clients show `served.TOKEN`."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._mounts: dict[str, Any] = {}

    def add(self, directory: str) -> str:
        """Serve the store in this directory; the URL."""
        path = f"/stores/{len(self._mounts)}"
        self._mounts[path] = tidegate.serve.asgi(store=directory, service="*", token=TOKEN)
        return self._base + path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = "/".join(scope["path"].split("/")[:3])
        await self._mounts[path]({**scope, "root_path": path}, receive, send)


@contextmanager
def serving() -> Iterator[Serving]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Serving(f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield app
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
