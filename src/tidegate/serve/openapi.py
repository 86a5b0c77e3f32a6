"""The readers' description in OpenAPI 3.1, made from the tables of routes, parameters and schemas."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from tidegate._version import __version__
from tidegate.kinds import MAX_TOKEN
from tidegate.serve.message import JSON, NDJSON, PROBLEM
from tidegate.serve.pages import FIELDS
from tidegate.serve.parameters import PARAMETERS
from tidegate.serve.routes import ROUTES, Route
from tidegate.serve.schemas import SCHEMAS, Schema, array, ref

#: What the records are that the endpoints below a path give.
_RECORDS = {
    "/logs": "Log",
    "/spans": "Span",
    "/traces": "TraceSummary",
    "/metrics": "Point",
    "/services": "Service",
    "/patterns": "Pattern",
}

#: Endpoints that give one JSON object instead of an array of records.
_OBJECTS = {
    "/traces/{trace_id}": ref("Trace"),
    "/patterns/{pattern_id}": ref("PatternDetail"),
    "/health": ref("Health"),
    "/health/live": ref("Health"),
    "/health/ready": ref("Health"),
    "/openapi.json": {"type": "object"},
    "/": ref("Index"),
}

_TEXT: Schema = {"type": "string"}

#: How a request may be refused, whatever it asks for.
_REFUSALS = (400, 401, 403, 405, 414, 431, 500, 503)

_ABOUT = (
    "What applications have recorded into a store, newest first. Media types `application/x-ndjson` are lines of JSON,"
    " described as arrays of what each line holds. With `follow=true` they go on with what comes, and a line with"
    " `dropped` and `total` says that a slow client has missed so many records. Every GET can be a HEAD."
)


def describe(base: str = "", cookie: str = "tidegate_session_4319") -> dict[str, Any]:
    """The description of readers at the URL path ``base``; ``cookie`` is their cookie's name, empty when no
    token is needed."""
    schemes = {
        "token": {"type": "http", "scheme": "bearer", "description": "The value of OTEL_PYTHON_TIDEGATE_TOKEN."},
        "session": {"type": "apiKey", "in": "cookie", "name": cookie, "description": "What /login gives a browser."},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidegate", "version": __version__, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": base or "/"}],
        "security": [{name: []} for name in schemes] if cookie else [],
        "paths": {route.path: _path(route) for route in ROUTES},
        "components": {
            "schemas": SCHEMAS,
            "responses": {str(status): _problem(status) for status in (*_REFUSALS, 404, 413, 415, 426, 501)},
            **({"securitySchemes": schemes} if cookie else {}),
        },
    }


def _path(route: Route) -> dict[str, Any]:
    return {method.lower(): _operation(route, method) for method in route.methods}


def _operation(route: Route, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": "_".join([method.lower(), *re.findall("[a-z_]+", route.path)]),
        "summary": route.help,
        "parameters": [] if method == "POST" else _parameters(route),
        "responses": _responses(route, method),
    }
    if route.is_open:
        operation["security"] = []
    if method == "POST":
        operation["requestBody"] = _FORM
    return operation


_SECRET: Schema = {"type": "string", "pattern": f"^[!-~]{{0,{MAX_TOKEN}}}$"}

_FORM = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "properties": dict.fromkeys(FIELDS, _SECRET),
                "additionalProperties": False,
            }
        }
    },
}


def _parameters(route: Route) -> list[dict[str, Any]]:
    named = [name for name in PARAMETERS if f"{{{name}}}" in route.path]
    return [_parameter(name, "path") for name in named] + [_parameter(name, "query") for name in route.takes]


def _parameter(name: str, place: str) -> dict[str, Any]:
    parameter = PARAMETERS[name]
    schema = {"type": "array", "items": parameter.schema} if parameter.repeated else parameter.schema
    return {
        "name": name,
        "in": place,
        "description": parameter.help,
        "schema": schema,
        **({"required": True} if place == "path" else {}),
        **({"style": "form", "explode": True} if parameter.repeated else {}),
    }


def _responses(route: Route, method: str) -> dict[str, Any]:
    statuses = {*route.statuses, *_REFUSALS, *_also(route, method)}
    return {str(status): _response(route, status) for status in sorted(statuses)}


def _also(route: Route, method: str) -> tuple[int, ...]:
    if route.is_open:
        return (404, 413, 415) if method == "POST" else (404,)
    return (501,) if "follow" in route.takes or route.path.endswith("/stream") else ()


def _response(route: Route, status: int) -> dict[str, Any]:
    if status not in route.statuses or status in (404, 426):
        return {"$ref": f"#/components/responses/{status}"}
    if status == 303:
        return {"description": "Logged in, with a cookie."}
    content = {media: {"schema": _schema(route, media)} for media in route.gives}
    if status >= 400:
        content[PROBLEM] = {"schema": ref("Problem")}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _schema(route: Route, media: str) -> Schema:
    if media not in (JSON, NDJSON):
        return _TEXT
    if route.path in _OBJECTS:
        return _OBJECTS[route.path]
    return array(_RECORDS["/" + route.path.split("/")[1]])


def _problem(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM: {"schema": ref("Problem")}}}
