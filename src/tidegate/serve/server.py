"""``tidegate serve``: the readers under a server of their own (uvicorn, extra ``server``)."""

from __future__ import annotations

HOST, PORT = "127.0.0.1", 4319
