"""The views, and where they are."""

import json

import shop
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

shop.open_shop()


@require_GET
def products(request: HttpRequest) -> JsonResponse:
    return JsonResponse(shop.products(), safe=False)


@require_POST
def add_to_cart(request: HttpRequest) -> JsonResponse:
    item = json.loads(request.body)
    try:
        return JsonResponse(shop.add_to_cart(item["cart"], item["product_id"], item.get("quantity", 1)), status=201)
    except LookupError as error:
        return JsonResponse({"error": str(error)}, status=404)


# A stolen card raises PaymentFailed, which nobody catches: the answer is 500, and the trace has the exception.
@require_POST
def check_out(request: HttpRequest) -> JsonResponse:
    checkout = json.loads(request.body)
    return JsonResponse(shop.check_out(checkout["cart"], checkout["card"]), status=201)


urlpatterns = [path("products", products), path("cart", add_to_cart), path("checkout", check_out)]
