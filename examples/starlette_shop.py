"""The shop in Starlette.

    pip install 'tidegate[starlette]' starlette uvicorn opentelemetry-instrumentation-sqlite3
    opentelemetry-instrument --service_name shop uvicorn starlette_shop:app --workers 2

    curl localhost:8000/products
    curl localhost:8000/checkout -d '{"cart": "ann", "card": "stolen"}'
    tidegate traces

Nothing in this file is about Tidegate or OpenTelemetry: requests, SQL and log lines are recorded all the same.
"""

import shop
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def products(request: Request) -> JSONResponse:
    return JSONResponse(await run_in_threadpool(shop.products))


async def add_to_cart(request: Request) -> JSONResponse:
    item = await request.json()
    try:
        added = await run_in_threadpool(shop.add_to_cart, item["cart"], item["product_id"], item.get("quantity", 1))
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    return JSONResponse(added, 201)


# A stolen card raises PaymentFailed, which nobody catches: the answer is 500, and the trace has the exception.
async def check_out(request: Request) -> JSONResponse:
    checkout = await request.json()
    return JSONResponse(await run_in_threadpool(shop.check_out, checkout["cart"], checkout["card"]), 201)


shop.open_shop()
app = Starlette(
    routes=[
        Route("/products", products),
        Route("/cart", add_to_cart, methods=["POST"]),
        Route("/checkout", check_out, methods=["POST"]),
    ]
)
