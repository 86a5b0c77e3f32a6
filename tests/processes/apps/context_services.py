"""Two services, one of which asks the other, under values that a middleware of the first one sets."""

import logging
import os
from collections.abc import Awaitable, Callable

import httpx
from fastapi import FastAPI, Request, Response

import tidegate

app = FastAPI()
logger = logging.getLogger("shop")


@app.middleware("http")
async def note_tenant(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    if "tenant" not in request.query_params:
        return await call_next(request)
    with tidegate.log_context(tenant=request.query_params["tenant"], inside="stays"):
        return await call_next(request)


@app.get("/front")
async def front() -> str:
    logger.warning("front")
    tidegate.track_event("order.placed")
    async with httpx.AsyncClient(trust_env=False) as client:
        found: str = (await client.get(f"{os.environ['BACK']}/back")).json()
        return found


@app.get("/back")
def back() -> str:
    logger.warning("back")
    return "done"
