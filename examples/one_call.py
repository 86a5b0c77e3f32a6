"""One call in the program instead of `opentelemetry-instrument` before it.

    pip install tidegate opentelemetry-instrumentation-sqlite3
    python one_call.py
    tidegate traces --service one-call

Call it first of all, before the libraries that are to be instrumented make their connections. Every
setting is an argument or an environment variable; `tidegate settings` lists them.
"""

from tidegate import configure_observability

telemetry = configure_observability(service_name="one-call")

import shop  # noqa: E402 (after the call)
from opentelemetry import trace  # noqa: E402

tracer = trace.get_tracer("one-call")

if __name__ == "__main__":
    shop.open_shop()
    # The handle can be left to itself: what is pending is written when the program ends. As a
    # context manager it is written and closed when the block is left.
    with telemetry, tracer.start_as_current_span("buy boots"):
        shop.add_to_cart("dora", product_id=2)
        order = shop.check_out("dora", card="visa")
        print(f"order {order['order']} is recorded in {telemetry.store}")
