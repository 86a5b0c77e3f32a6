"""A Django project in one module, with the readers among its URLs and the middleware that projects have."""

import logging
import sys

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

import tidegate.serve

SECRET_KEY = "for a test"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def hello(request: HttpRequest) -> HttpResponse:
    logging.getLogger("app").warning("hello")
    return HttpResponse("hello")


urlpatterns = [path("hello", hello)]


def __getattr__(name: str) -> object:
    if name == "wsgi":  # made when a server asks for it, not when this is read as the settings
        return get_wsgi_application()
    if name == "asgi":
        return get_asgi_application()
    raise AttributeError(name)


if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
else:
    urlpatterns += tidegate.serve.django()
