"""A program that logs with loguru.

    pip install tidegate loguru
    opentelemetry-instrument --service_name stocktaking python loguru_app.py
    tidegate logs --service stocktaking
    tidegate logs --min-level error

What loguru prints stays as it is. The same records are stored, each once, and with the trace in
which they happened.
"""

from loguru import logger
from opentelemetry import trace

STOCK = {"tide table": 40, "boots": 2, "compass": -1}

tracer = trace.get_tracer("stocktaking")


def count(product: str, left: int) -> None:
    if left < 0:
        raise ValueError(f"{left} cannot be left")
    if left < 10:
        logger.warning("stock of {} is low: {} left", product, left)
    else:
        logger.bind(product=product).info("{} counted", left)


def take_stock() -> None:
    with tracer.start_as_current_span("take stock"):
        for product, left in STOCK.items():
            try:
                count(product, left)
            except ValueError:
                logger.exception("count of {} is wrong", product)


if __name__ == "__main__":
    take_stock()
