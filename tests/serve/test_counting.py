"""What the HTTP metrics of an application count: its own requests, and not those to the readers."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import tidegate.store
from mounting import MOUNTS, Shop

pytestmark = pytest.mark.servers

EXCLUDED = {
    "fastapi, uvicorn": {"OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "/telemetry"},
    "django, gunicorn gthread": {"OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "/telemetry"},
    "flask, gunicorn --preload": {},
}


@pytest.mark.parametrize("name", EXCLUDED)
def test_requests_to_the_readers_can_be_left_out_of_the_metrics(tmp_path: Path, name: str) -> None:
    shop = Shop(tmp_path)
    before = routes(shop)
    with shop.serve(MOUNTS[name], **EXCLUDED[name]) as mounted:
        mounted.server.get("/hello")
        assert mounted.client.get("/logs?limit=1").status_code == 200
        mounted.server.end(signal.SIGTERM)
    shop.writer.close()
    assert routes(shop) - before == {"/hello"}


def routes(shop: Shop) -> set[str]:
    """Of the requests that were counted."""
    with tidegate.store.open(shop.location, service="shop") as reader:
        return {
            f"/{str(point.attributes['http.route']).lstrip('/')}"
            for point in reader.current_metrics(name="http.server.request.duration")
        }
