"""The demo's application: a small shop in FastAPI, as anybody might have written it.

It is started as ``opentelemetry-instrument uvicorn tidegate.demo.shop:app --workers 2``. Requests
and database work become spans without a line here; the two spans and the two metrics of its own
show what OpenTelemetry's API adds to that.
"""

from __future__ import annotations

import itertools
import logging
import random
import time

from fastapi import FastAPI, HTTPException
from opentelemetry import metrics, trace
from pydantic import BaseModel

from tidegate.demo import stock

log = logging.getLogger("shop")
log.setLevel(logging.DEBUG)

tracer = trace.get_tracer("shop")
meter = metrics.get_meter("shop")
checkouts = meter.create_counter("shop.checkouts", unit="{checkout}", description="Checkouts by outcome")
order_value = meter.create_histogram("shop.order.value", unit="EUR", description="What an order costs")

app = FastAPI(title="Tidegate's demo shop")
stock.prepare()

_outages = itertools.count(1)


class CartItem(BaseModel):
    cart: str
    product_id: int
    quantity: int = 1


class Checkout(BaseModel):
    cart: str
    card: str


class PaymentUnavailable(Exception):
    """The payment provider does not answer."""


@app.get("/")
def home() -> dict[str, str]:
    log.debug("home page shown")
    return {"shop": "Tidegate chandlery", "products": "/products"}


@app.get("/products")
def list_products(category: str | None = None) -> list[dict[str, object]]:
    found = stock.products(category)
    log.debug("%d products listed in category %s", len(found), category or "(all)")
    return found


@app.get("/products/{product_id}")
def show_product(product_id: int) -> dict[str, object]:
    found = stock.product(product_id)
    if found is None:
        log.warning("product %d does not exist", product_id)
        raise HTTPException(404, "no such product")
    return found


@app.get("/products/{product_id}/reviews")
def show_reviews(product_id: int) -> dict[str, object]:
    """A slow call: another service takes its time."""
    started = time.monotonic()
    with tracer.start_as_current_span("fetch reviews", kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute("server.address", "reviews.example")
        time.sleep(random.uniform(0.15, 0.6))  # noqa: S311 (not a secret)
    seconds = time.monotonic() - started
    if seconds > 0.5:
        log.warning("reviews of product %d took %.2f s", product_id, seconds, extra={"shop.product_id": product_id})
    return {"product": product_id, "stars": 4.5}


@app.post("/cart", status_code=201)
def add_to_cart(item: CartItem) -> dict[str, object]:
    if stock.product(item.product_id) is None:
        raise HTTPException(404, "no such product")
    count = stock.add_to_cart(item.cart, item.product_id, item.quantity)
    log.info(f"cart {item.cart} now holds {count} things")  # noqa: G004 (f-strings are what people write)
    return {"cart": item.cart, "items": count}


@app.post("/checkout", status_code=201)
def check_out(checkout: Checkout) -> dict[str, object]:
    cents = stock.cart_total(checkout.cart)
    if not cents:
        raise HTTPException(409, "the cart is empty")
    log.info("checkout of cart %s started", checkout.cart)
    try:
        pay(checkout.card, cents)
    except PaymentUnavailable:
        checkouts.add(1, {"shop.outcome": "failed"})
        log.exception("payment of %d cents failed", cents)
        if next(_outages) % 2 == 0:
            log.critical("payment provider is down, checkouts are being lost")
        raise
    order_id, low = stock.place_order(checkout.cart, cents)
    for name, left in low:
        log.warning("stock of %s is low: %d left", name, left)
    checkouts.add(1, {"shop.outcome": "paid"})
    order_value.record(cents / 100)
    log.info("order placed", extra={"shop.order_id": order_id, "shop.order.cents": cents})
    return {"order": order_id, "cents": cents}


def pay(card: str, cents: int) -> None:
    """Charge the card, at the second attempt if need be."""
    try:
        charge(card, cents)
    except PaymentUnavailable as error:
        log.warning("trying again: %s", error)
        charge(card, cents)


def charge(card: str, cents: int) -> None:
    """Ask the payment provider; cards are called ``good``, ``declined`` and ``outage``."""
    with tracer.start_as_current_span("charge card", kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute("server.address", "payments.example")
        span.set_attribute("shop.order.cents", cents)
        time.sleep(random.uniform(0.01, 0.05))  # noqa: S311 (not a secret)
        if card == "outage":
            raise PaymentUnavailable("payments.example did not answer within 50 ms")
        if card == "declined":
            checkouts.add(1, {"shop.outcome": "declined"})
            log.warning("card declined for %d cents", cents)
            raise HTTPException(402, "card declined")


@app.get("/orders/{order_id}")
def show_order(order_id: int) -> dict[str, object]:
    found = stock.order(order_id)
    if found is None:
        raise HTTPException(404, "no such order")
    return found
