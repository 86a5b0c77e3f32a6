"""The shop in Flask.

    pip install 'tidegate[flask]' flask gunicorn opentelemetry-instrumentation-sqlite3
    opentelemetry-instrument --service_name shop gunicorn --workers 2 flask_shop:app

    curl localhost:8000/products
    curl localhost:8000/checkout -H 'content-type: application/json' -d '{"cart": "ann", "card": "stolen"}'
    tidegate traces

Nothing in this file is about Tidegate or OpenTelemetry: requests, SQL and log lines are recorded all the same.
"""

import shop
from flask import Flask, abort, request

app = Flask(__name__)
shop.open_shop()


@app.get("/products")
def products():
    return shop.products()


@app.post("/cart")
def add_to_cart():
    item = request.get_json()
    try:
        return shop.add_to_cart(item["cart"], item["product_id"], item.get("quantity", 1)), 201
    except LookupError as error:
        abort(404, str(error))


# A stolen card raises PaymentFailed, which nobody catches: the answer is 500, and the trace has the exception.
@app.post("/checkout")
def check_out():
    checkout = request.get_json()
    return shop.check_out(checkout["cart"], checkout["card"]), 201
