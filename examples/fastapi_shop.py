"""The shop in FastAPI.

    pip install 'tidegate[fastapi]' fastapi uvicorn opentelemetry-instrumentation-sqlite3
    opentelemetry-instrument --service_name shop uvicorn fastapi_shop:app --workers 2

    curl localhost:8000/products
    curl localhost:8000/checkout -H 'content-type: application/json' -d '{"cart": "ann", "card": "stolen"}'
    tidegate traces

Nothing in this file is about Tidegate or OpenTelemetry: requests, SQL and log lines are recorded all the same.
"""

import shop
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
shop.open_shop()


class Item(BaseModel):
    cart: str
    product_id: int
    quantity: int = 1


class Checkout(BaseModel):
    cart: str
    card: str


@app.get("/products")
def products() -> list[dict]:
    return shop.products()


@app.post("/cart", status_code=201)
def add_to_cart(item: Item) -> dict:
    try:
        return shop.add_to_cart(item.cart, item.product_id, item.quantity)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None


# A stolen card raises PaymentFailed, which nobody catches: the answer is 500, and the trace has the exception.
@app.post("/checkout", status_code=201)
def check_out(checkout: Checkout) -> dict:
    return shop.check_out(checkout.cart, checkout.card)
