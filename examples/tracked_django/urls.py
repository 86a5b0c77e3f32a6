"""The views, where they are, and the readers."""

from django.contrib.auth import authenticate, login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

import tidegate
from tidegate import serve

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


@require_GET
async def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("well")


@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        tidegate.warn("a login failed", username=request.POST["username"])
        return HttpResponse(status=403)
    login(request, user)
    tidegate.track_event("user.logged_in", category="access")
    return HttpResponse(status=204)


# Asking for request.user is what makes it known: from here on user.id is on the span and on log records.
@require_POST
def place_order(request: HttpRequest, order_id: int) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    with tidegate.log_context(order_id=order_id):
        tidegate.info("placing an order")
        try:
            charge(order_id)
        except CardDeclined as error:  # handled, and still to be seen
            tidegate.track_error(error, payment="card")
            return JsonResponse({"error": str(error)}, status=402)
        tidegate.counter("orders.placed", channel="web")
        user = tidegate.get_request_context(request).user_id
        return JsonResponse({"parcel": ship(order_id), "user": user}, status=201)


# What is not in stock raises KeyError, which nobody handles: 500, and the span and one log record have it.
@require_GET
async def stock(request: HttpRequest, name: str) -> HttpResponse:
    return JsonResponse({"left": STOCK[name]})


urlpatterns = [
    path("healthz", health),
    path("login", log_in),
    path("orders/<int:order_id>", place_order),
    path("stock/<str:name>", stock),
    *serve.django(),  # at /telemetry
]
