"""A program that logs with structlog.

    pip install tidegate structlog
    opentelemetry-instrument --service_name stocktaking python structlog_app.py
    tidegate logs --service stocktaking
    tidegate logs --where product=compass

What structlog prints stays as it is. The same events are recorded with their keys as attributes, each
once, and with the trace in which they happened.
"""

import structlog
from opentelemetry import trace

STOCK = {"tide table": 40, "boots": 2, "compass": -1}

log = structlog.get_logger()
tracer = trace.get_tracer("stocktaking")


def count(product: str, left: int) -> None:
    product_log = log.bind(product=product)
    if left < 0:
        raise ValueError(f"{left} cannot be left")
    if left < 10:
        product_log.warning("stock is low", left=left)
    else:
        product_log.info("counted", left=left)


def take_stock() -> None:
    with tracer.start_as_current_span("take stock"):
        for product, left in STOCK.items():
            try:
                count(product, left)
            except ValueError:
                log.exception("count is wrong", product=product)


if __name__ == "__main__":
    take_stock()
