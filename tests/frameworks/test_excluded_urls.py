"""URLs that leave no spans and are not counted, in every framework, however that is said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.servers

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Visit = Callable[..., dict[str, list[str]]]

#: Each framework's application has an order, a health check and the readers, and each is visited.
PROGRAM = """
import json, sys
import opentelemetry.instrumentation.django, opentelemetry.instrumentation.flask  # too early for variables
import tidegate
handle = tidegate.configure_observability(service_name="shop", store="memory:", **json.loads(sys.argv[1]))
from tidegate import serve, store

OPTIONS = {"token": "q3V7yJ1cXw0nR5sKz8LmT2Hb"}
PATHS = ["/orders", "/healthz", "/telemetry/health"]
HEADERS = {"Authorization": f"Bearer {OPTIONS['token']}"}

def paths():
    assert handle.flush()
    return [span.attributes.get("url.path") or span.name for span in store.open("memory:").spans()][::-1]

def seen():
    global before
    now, former = paths(), before
    before = len(now)
    return now[former:]

before = 0
found = {}

import fastapi, starlette.applications, starlette.responses, starlette.routing
import asyncio, httpx

async def statuses(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=HEADERS) as client:
        return [(await client.get(path)).status_code for path in PATHS]

app = fastapi.FastAPI()
app.get("/orders")(lambda: "")
app.get("/healthz")(lambda: "")
serve.fastapi(app, **OPTIONS)
assert asyncio.run(statuses(app)) == [200] * 3
found["fastapi"] = seen()

answer = lambda request: starlette.responses.PlainTextResponse("")
app = starlette.applications.Starlette(routes=[starlette.routing.Route(path, answer) for path in PATHS[:2]])
serve.fastapi(app, **OPTIONS)
assert asyncio.run(statuses(app)) == [200] * 3
found["starlette"] = seen()

import flask
app = flask.Flask("shop")
app.get("/orders")(lambda: "")
app.get("/healthz", endpoint="healthz")(lambda: "")
serve.flask(app, **OPTIONS)
assert [app.test_client().get(path, headers=HEADERS).status_code for path in PATHS] == [200] * 3
found["flask"] = seen()

from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
import django
from django.http import HttpResponse
from django.test import Client
from django.urls import path as route
django.setup()
urlpatterns = [route(path[1:], lambda request: HttpResponse()) for path in PATHS[:2]] + serve.django(**OPTIONS)
assert [Client(HTTP_HOST="localhost").get(path, headers=HEADERS).status_code for path in PATHS] == [200] * 3
found["django"] = seen()

app = flask.Flask("another")
app.get("/orders")(lambda: "")
tidegate.instrument_app(app, excluded_urls=["/orders"])
assert app.test_client().get("/orders").status_code == 200
assert app.test_client().get("/healthz").status_code == 404
found["instrument_app"] = seen()
found["counted"] = sorted({
    f"{point.scope.name.rpartition('.')[2]} /{point.attributes['http.route'].lstrip('/')}"
    for point in store.open("memory:").current_metrics(name="http.server.request.duration")
    if "http.route" in point.attributes
})
print(json.dumps(found))
"""


@pytest.fixture
def visit(run: Run, program: Callable[..., Path]) -> Visit:
    """``visit(options, **environment)``: the paths of each framework's spans, and which routes are counted."""

    def visit(options: dict[str, Any], **environ: str) -> dict[str, list[str]]:
        return dict(json.loads(run(["python", program(PROGRAM), json.dumps(options)], env=environ).stdout))

    return visit


def test_urls_are_excluded_by_an_argument(visit: Visit) -> None:
    assert visit({"excluded_urls": ["/healthz", "/telemetry"]}) == {
        "fastapi": ["/orders"],
        "starlette": ["/orders"],
        "flask": ["/orders"],
        "django": ["/orders"],
        "instrument_app": ["/healthz"],
        "counted": ["django /orders", "fastapi /orders", "flask /orders", "starlette /orders"],
    }


def test_urls_are_excluded_by_variables_of_which_the_one_for_a_framework_wins(visit: Visit) -> None:
    assert visit(
        {},
        OTEL_PYTHON_EXCLUDED_URLS="/healthz,/telemetry",
        OTEL_PYTHON_FLASK_EXCLUDED_URLS="/orders",
        OTEL_PYTHON_DJANGO_EXCLUDED_URLS="/telemetry",
    ) == {
        "fastapi": ["/orders"],
        "starlette": ["/orders"],
        "flask": ["/healthz"],
        "django": ["/orders", "/healthz"],
        "instrument_app": ["/healthz"],
        "counted": ["django /healthz", "django /orders", "fastapi /orders", "flask /healthz", "starlette /orders"],
    }
