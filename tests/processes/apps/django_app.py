"""A Django project in one module, of one route that logs once a request."""

import logging
import sys

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from opentelemetry import trace

SECRET_KEY = "for a test"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
VERSION = "1"


def item(request: HttpRequest, number: int) -> HttpResponse:
    logging.getLogger("app").warning("item %d", number)
    trace_id = f"{trace.get_current_span().get_span_context().trace_id:032x}"
    return HttpResponse(VERSION, headers={"trace-id": trace_id})


urlpatterns = [path("items/<int:number>", item)]


def __getattr__(name: str) -> object:
    if name == "application":  # made when a server asks for it, not when this is read as the settings
        return get_wsgi_application()
    raise AttributeError(name)


if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
