"""A Django project that is its own settings: users, sessions and a database, as ``startproject`` makes them."""

from __future__ import annotations

import logging
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from tidegate.record.raised import mark_logged

logger = logging.getLogger("shop")

MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def set_up(directory: str) -> None:
    """Configure Django in this process, with a database in ``directory``."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory}/shop.db"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=MIDDLEWARE,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for a test",
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create_user("ann", password="boots")


def log_in(request: HttpRequest) -> HttpResponse:
    from django.contrib.auth.models import User

    assert request.user.is_anonymous
    logger.warning("somebody comes")
    login(request, User.objects.get(username="ann"))
    logger.warning("ann is there")
    return HttpResponse("welcome")


def account(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    logger.warning("account")
    return HttpResponse("yours")


async def account_later(request: HttpRequest) -> HttpResponse:
    assert (await request.auser()).is_authenticated
    logger.warning("account")
    return HttpResponse("yours")


def nobody(request: HttpRequest) -> HttpResponse:
    from django.contrib.auth.models import AnonymousUser

    request.user = AnonymousUser()
    logger.warning("nobody")
    return HttpResponse("who?")


def prices(request: HttpRequest, year: int) -> HttpResponse:
    logger.warning("prices")
    return HttpResponse(f"high in {year}")


def logged(request: HttpRequest) -> HttpResponse:
    error = ValueError("no such order")
    mark_logged(error)
    raise error


def refused(request: HttpRequest) -> HttpResponse:
    return HttpResponse("pay first", status=402)


def nothing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such order")


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("no such order")


async def broken_later(request: HttpRequest) -> HttpResponse:
    raise ValueError("no such order")


def stream(request: HttpRequest) -> Any:
    from django.http import StreamingHttpResponse

    return StreamingHttpResponse(iter("abc"))


urlpatterns = [
    path("login", log_in),
    path("account", account),
    path("account/later", account_later),
    path("nobody", nobody),
    path("prices/<int:year>", prices),
    path("logged", logged),
    path("refused", refused),
    path("nothing", nothing),
    path("broken", broken),
    path("broken/later", broken_later),
    path("stream", stream),
]
