"""What instrumentations tell a sampler when a span starts, under either semantic convention."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.servers

PROGRAM = """
import json, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tidegate.gate import DROP_HEALTH_CHECKS, AdaptiveSampler

sampler = AdaptiveSampler(rules=[
    DROP_HEALTH_CHECKS,
    {"match": {"route": "/users/*", "attributes": {"http.request.method": "GET"}}, "drop": True},
])
exporter = InMemorySpanExporter()
provider = TracerProvider(sampler=sampler)
provider.add_span_processor(SimpleSpanProcessor(exporter))
"""

FASTAPI = """
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
app = FastAPI()
app.get("/healthz")(lambda: "")
app.get("/users/{id}")(lambda id: "")
app.get("/orders/{id}")(lambda id: "")
FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, exclude_spans=["send", "receive"])
get = TestClient(app).get
"""

FLASK = """
from flask import Flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor
app = Flask("shop")
app.route("/healthz", endpoint="a")(lambda: "")
app.route("/users/<id>", endpoint="b")(lambda id: "")
app.route("/orders/<id>", endpoint="c")(lambda id: "")
FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
get = app.test_client().get
"""

DJANGO = """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[], SECRET_KEY="x")
urlpatterns = [path(route, lambda request, **_: HttpResponse()) for route in ("healthz", "users/<id>", "orders/<id>")]
from opentelemetry.instrumentation.django import DjangoInstrumentor
DjangoInstrumentor().instrument(tracer_provider=provider)
django.setup()
from django.test import Client
get = Client().get
"""

ASK = """
for url in ("/healthz", "/users/1", "/orders/1?x=1", "/orders/2"):
    get(url)
spans = exporter.get_finished_spans()
print(json.dumps({
    "kept": [dict(span.attributes).get("http.route") or span.name for span in spans],
    "keys": sampler._gate._plan.common.keys,
    "counts": sampler.counts(),
}))
"""


@pytest.mark.parametrize("convention", ["", "http"])
@pytest.mark.parametrize("framework", [FASTAPI, FLASK, DJANGO], ids=["fastapi", "flask", "django"])
def test_rules_and_keys_work_with_what_a_framework_tells_at_the_start(
    run: Callable[..., Any], program: Callable[..., Path], framework: str, convention: str
) -> None:
    done = run([sys.executable, program(PROGRAM + framework + ASK)], env={"OTEL_SEMCONV_STABILITY_OPT_IN": convention})
    found = json.loads(done.stdout)
    assert (len(found["kept"]), found["keys"]) == (2, 1), found
    assert {route.lstrip("/").partition("/")[0] for route in found["kept"]} == {"orders"}
    assert (found["counts"]["dropped_by_rule"], found["counts"]["failed"]) == (2, 0)
