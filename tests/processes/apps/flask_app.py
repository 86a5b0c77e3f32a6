"""A Flask application of one route that logs once a request."""

import logging

from flask import Flask
from opentelemetry import trace

app = Flask(__name__)
VERSION = "1"


@app.get("/items/<int:number>")
def item(number: int) -> tuple[str, dict[str, str]]:
    logging.getLogger("app").warning("item %d", number)
    return VERSION, {"trace-id": f"{trace.get_current_span().get_span_context().trace_id:032x}"}
