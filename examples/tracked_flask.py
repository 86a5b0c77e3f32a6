"""Tracking in Flask: whose a request is, events, errors, what takes how long; in an application factory.

pip install 'tidegate[flask]' flask gunicorn
export OTEL_PYTHON_TIDEGATE_TOKEN=`python -c 'import secrets; print(secrets.token_urlsafe())'`
gunicorn --workers 2 --preload 'tracked_flask:create_app()'

curl -c cookies -X POST localhost:8000/login/42
curl -b cookies -X POST localhost:8000/orders/7 -H 'X-Request-ID: r-7'
curl -b cookies -X POST localhost:8000/orders/13
curl -b cookies localhost:8000/stock/boats
curl -H "Authorization: Bearer $OTEL_PYTHON_TIDEGATE_TOKEN" localhost:8000/telemetry/logs
tidegate logs --where user.id=42
"""

from flask import Flask, session

import tidegate
from tidegate import serve

# Once, where the application begins. The instance that a factory makes is given to it below.
telemetry = tidegate.configure_observability(service_name="tracked-flask", excluded_urls=["/healthz"])

STOCK = {"boots": 3, "charts": 12}


class CardDeclined(Exception):
    pass


# A span, a histogram of durations and a counter of calls by outcome; the argument is on the span alone.
@tidegate.instrument("orders.charge", arguments=["order_id"])
def charge(order_id: int) -> None:
    if order_id == 13:
        raise CardDeclined("the bank said no")


# An event when the call has returned.
@tidegate.track_event(event="order.shipped", arguments=["order_id"])
def ship(order_id: int) -> str:
    return f"parcel-{order_id}"


def create_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "only for this example"
    telemetry.init_app(app)
    serve.flask(app)  # the readers, at /telemetry

    @app.get("/healthz")
    def health() -> str:
        return "well"

    # From here on user.id is on the spans and log records of this user's requests.
    @app.post("/login/<user_id>")
    def log_in(user_id: str) -> tuple[str, int]:
        session["user_id"] = user_id
        tidegate.track_event("user.logged_in", category="access")
        return "", 204

    @app.post("/orders/<int:order_id>")
    def place_order(order_id: int) -> tuple[dict, int]:
        with tidegate.log_context(order_id=order_id):
            tidegate.info("placing an order")
            try:
                charge(order_id)
            except CardDeclined as error:  # handled, and still to be seen
                tidegate.track_error(error, payment="card")
                return {"error": str(error)}, 402
            tidegate.counter("orders.placed", channel="web")
            return {"parcel": ship(order_id), "user": tidegate.get_request_context().user_id}, 201

    # What is not in stock raises KeyError, which nobody handles: 500, and the span and one log record have it.
    @app.get("/stock/<name>")
    def stock(name: str) -> dict:
        return {"left": STOCK[name]}

    return app
