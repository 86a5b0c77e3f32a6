"""What an application says itself, in FastAPI: events, errors, metrics, log lines, and what they have in common.

pip install 'tidegate[fastapi]' fastapi uvicorn
export OTEL_PYTHON_TIDEGATE_TOKEN=$(python -c 'import secrets; print(secrets.token_urlsafe())')
uvicorn tracked_fastapi:app

curl -X POST localhost:8000/orders/boots?quantity=2 -H 'x-user: ann' -H 'x-request-id: a1b2'
curl -X POST localhost:8000/orders/compass -H 'x-user: ann'
tidegate logs --service tracked-shop
curl localhost:8000/telemetry/logs -H "Authorization: Bearer $OTEL_PYTHON_TIDEGATE_TOKEN"
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse

import tidegate
import tidegate.serve

app = FastAPI()
tidegate.configure_observability(service_name="tracked-shop", app=app)
tidegate.serve.fastapi(app)  # traces, logs, metrics and health below /telemetry, for whoever shows the token

log = tidegate.get_logger("shop")
stock = {"boots": 40, "compass": 0}


class SoldOut(Exception):
    """There are not as many as somebody wants."""


# An error that has a handler: here it becomes one log record and an event on the request's span.
@app.exception_handler(SoldOut)
async def sold_out(request: Request, error: SoldOut) -> JSONResponse:
    tidegate.track_error(error, path=request.url.path)
    return JSONResponse({"detail": "sold out"}, 409)


# Whoever authenticates a request notes the user where Tidegate looks for one: from here on all that is
# recorded of this request has `user.id`. Starlette's AuthenticationMiddleware does without a line.
def user(request: Request, x_user: Annotated[str, Header()]) -> str:
    request.state.user_id = x_user
    return x_user


# A span, a histogram of durations, and a counter of calls by outcome.
@tidegate.instrument("shop.reserve", arguments=("product", "quantity"))
async def reserve(product: str, quantity: int) -> int:
    if stock.get(product, 0) < quantity:
        raise SoldOut(product)
    stock[product] -= quantity
    return stock[product]


# An event once it has returned, with these of its arguments.
@tidegate.track_event(event="order.placed", arguments=("product", "quantity"))
async def place(product: str, quantity: int) -> dict:
    left = await reserve(product, quantity)
    log.info("order placed", left=left)
    return {"product": product, "left": left}


@app.post("/orders/{product}", status_code=201)
async def order(product: str, customer: Annotated[str, Depends(user)], quantity: int = 1) -> dict:
    # on every span and log record in the block
    with tidegate.log_context(customer=customer, product=product):
        tidegate.counter("shop.orders", product=product)
        return await place(product, quantity)


@app.get("/me", dependencies=[Depends(user)])
async def me() -> dict:
    """What is known of the request that is being handled."""
    return tidegate.get_request_context().to_attributes()


# Nobody handles this one: the answer is 500, and it is told once, in the request's trace.
@app.get("/broken")
async def broken() -> None:
    raise RuntimeError("the till is stuck")
