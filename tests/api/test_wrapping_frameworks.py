"""Decorated functions as endpoints, dependencies and views: frameworks find in them what they look for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import httpx
import pytest
from asgiref.sync import iscoroutinefunction
from django.utils.decorators import method_decorator
from fastapi import Depends, FastAPI, HTTPException
from opentelemetry import trace

from tidegate import instrument, traced, track_error, track_event
from tidegate.testing import Telemetry

cleaned: list[str] = []


class Item:
    """A type that only this module knows by its name."""

    def __init__(self, size: int = 1) -> None:
        self.size = size


def name_of_span() -> str:
    return getattr(trace.get_current_span(), "name", "")


@traced("dependency")
def dependency(item: Annotated[Item, Depends(Item)]) -> str:
    return f"{item.size} in {name_of_span()}"


@traced("resource")
def resource() -> Iterator[str]:
    try:
        yield name_of_span()
    except HTTPException as error:
        cleaned.append(f"resource after {error.status_code}")
        raise
    else:
        cleaned.append("resource")


@instrument("later")
async def async_resource() -> AsyncIterator[str]:
    yield name_of_span()
    cleaned.append("later")


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/sync/{number}")
    @track_event(arguments=("number",))
    @traced("endpoint")
    def endpoint(
        number: int,
        wanted: Annotated[str, Depends(dependency)],
        held: Annotated[str, Depends(resource)],
        awaited: Annotated[str, Depends(async_resource)],
    ) -> dict[str, Any]:
        return {"number": number, "found": [wanted, held, awaited, name_of_span()]}

    @app.get("/async/{number}")
    @instrument("endpoint")
    async def async_endpoint(number: int) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"number": number, "found": name_of_span()}

    @app.get("/error")
    @track_error
    def fails(held: Annotated[str, Depends(resource)]) -> None:
        raise HTTPException(status_code=418)

    return app


Get = Callable[[str], httpx.Response]


@pytest.fixture
def get() -> Get:
    """``get(path)``: what the application answers."""
    cleaned.clear()
    app = application()

    async def ask(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            return await client.get(path)

    return lambda path: asyncio.run(ask(path))


def test_fastapi_calls_endpoints_with_their_dependencies(telemetry: Telemetry, get: Get) -> None:
    answer = get("/sync/7?size=3").json()
    assert answer == {"number": 7, "found": ["3 in dependency", "resource", "later", "endpoint"]}


def test_fastapi_finishes_dependencies_that_are_generators(telemetry: Telemetry, get: Get) -> None:
    get("/sync/7")
    assert sorted(cleaned) == ["later", "resource"]
    assert {span.name for span in telemetry.spans()} >= {"dependency", "resource", "later", "endpoint"}


def test_fastapi_checks_arguments_by_their_types(get: Get) -> None:
    assert get("/sync/seven").status_code == 422


def test_fastapi_awaits_async_endpoints(telemetry: Telemetry, get: Get) -> None:
    assert get("/async/7").json() == {"number": 7, "found": "endpoint"}


def test_fastapi_tells_generators_of_errors(telemetry: Telemetry, get: Get) -> None:
    assert get("/error").status_code == 418
    assert cleaned == ["resource after 418"]


def test_django_sees_what_kind_a_view_is() -> None:
    async def view(request: object) -> None: ...

    assert iscoroutinefunction(traced(view))
    assert not iscoroutinefunction(traced(len))


def test_django_decorates_methods_of_views(telemetry: Telemetry) -> None:
    class View:
        @method_decorator(traced("get"))  # type: ignore[untyped-decorator]  # Django has no types
        def get(self, request: object) -> str:
            return name_of_span()

    assert View().get(object()) == "get"
