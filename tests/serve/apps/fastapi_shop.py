"""A FastAPI application with the readers mounted."""

import logging

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

import tidegate.serve

app = FastAPI()


@app.get("/hello")
async def hello() -> PlainTextResponse:
    logging.getLogger("app").warning("hello")
    return PlainTextResponse("hello")


tidegate.serve.fastapi(app)
