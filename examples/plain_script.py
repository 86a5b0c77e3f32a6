"""A plain script: no server, no framework. Last night's carts are turned into orders.

    pip install tidegate opentelemetry-instrumentation-sqlite3
    opentelemetry-instrument --service_name night-job python plain_script.py
    tidegate traces --service night-job

The SQL and the log lines would be recorded without a line about OpenTelemetry; the two spans opened
here put them together, one trace a cart. When the script ends, everything is on disk.
"""

import shop
from opentelemetry import trace

CARTS = {"ann": "visa", "bob": "stolen", "cleo": "visa"}

tracer = trace.get_tracer("night-job")


def settle(cart: str, card: str) -> bool:
    """Whether the cart was paid for."""
    # A span that an exception leaves is marked as failed and keeps the exception with its traceback.
    with tracer.start_as_current_span("settle cart", attributes={"shop.cart": cart}):
        shop.add_to_cart(cart, product_id=1, quantity=2)
        try:
            with tracer.start_as_current_span("check out"):
                shop.check_out(cart, card)
        except shop.PaymentFailed:
            shop.log.warning("cart %s is kept for tomorrow", cart)
            return False
        return True


if __name__ == "__main__":
    shop.open_shop()
    paid = sum([settle(cart, card) for cart, card in CARTS.items()])
    print(f"{paid} of {len(CARTS)} carts were paid for")
