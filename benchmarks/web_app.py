"""The application that `benchmarks.web` loads: ``python -m benchmarks.web_app CASE PORT``, CASE as there."""

from __future__ import annotations

import logging
import sys
from typing import Any

from opentelemetry import trace

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
tracer = trace.get_tracer("shop")


def make_app() -> Any:
    """One route with a path parameter, a span of its own and one log record."""
    from fastapi import FastAPI  # whose class the instrumentation has replaced

    app = FastAPI()

    @app.get("/orders/{number}")
    async def order(number: int) -> dict[str, int]:
        with tracer.start_as_current_span("load order", attributes={"order.number": number}):
            log.info("order %d of user %d was loaded", number, 7)
        return {"number": number}

    return app


def standard() -> None:
    """What plain ``opentelemetry-instrument`` does with opentelemetry-distro, which another distribution would hide."""
    from opentelemetry.instrumentation.auto_instrumentation._load import _load_instrumentors
    from opentelemetry.instrumentation.distro import DefaultDistro
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    _OTelSDKConfigurator().configure(auto_instrumentation_version="0")
    _load_instrumentors(DefaultDistro())


def tidegate() -> None:
    from tidegate import configure_observability

    configure_observability()


def main(case: str, port: int) -> None:
    import uvicorn

    {"plain": lambda: None, "standard": standard, "tidegate": tidegate}[case]()
    uvicorn.run(make_app(), port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
