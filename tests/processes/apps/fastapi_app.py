"""A FastAPI application of one route that logs once a request."""

import logging

from fastapi import FastAPI, Response
from opentelemetry import trace

app = FastAPI()
VERSION = "1"


@app.get("/items/{number}")
async def item(number: int, response: Response) -> str:
    logging.getLogger("app").warning("item %d", number)
    response.headers["trace-id"] = f"{trace.get_current_span().get_span_context().trace_id:032x}"
    return VERSION
