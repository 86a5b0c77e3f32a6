"""``"tidegate.django"`` in ``INSTALLED_APPS``, and its one setting."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

import tidegate.django
from recorded import read
from tidegate.django.apps import TidegateConfig

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PROJECT = """
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["tidegate.django"],
    ROOT_URLCONF=__name__,
    {more}
)
import django
from django.http import HttpResponse
from django.urls import path
django.setup()
urlpatterns = [path("orders/<int:number>", lambda request, number: HttpResponse(str(number)))]
from django.test import Client
assert Client().get("/orders/7").content == b"7"
"""

WRONG: dict[str, tuple[Any, str]] = {
    "a name that is no setting": ({"SERVICE_NAM": "shop"}, "'service_nam' is not a setting; did you mean"),
    "a value against its rule": ({"COMMIT_INTERVAL": "soon"}, "is 'soon'; it must be a number of seconds from 0.02"),
    "no mapping": (["shop"], "the value is a list; it must be a mapping of settings by name"),
    "nothing": (None, "the value is a NoneType; it must be a mapping"),
    "a name that is no text": ({1: "shop"}, "the value is a dict; it must be a mapping of settings by name"),
    "a name in both cases": ({"STORE": "off", "store": "off"}, "'store' stands 2 times"),
    "an argument that is no setting": ({"app": "shop"}, "'app' is not a setting"),
}


@pytest.mark.usefixtures("django_project")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_ends_the_start_of_django_and_says_why(wrong: str) -> None:
    value, reason = WRONG[wrong]
    with override_settings(TIDEGATE=value), pytest.raises(ImproperlyConfigured) as refused:
        TidegateConfig("tidegate.django", tidegate.django).ready()
    assert str(refused.value).startswith("in the setting TIDEGATE, ")
    assert reason in str(refused.value)


@pytest.mark.usefixtures("django_project")
def test_a_secret_is_not_repeated() -> None:
    secret = "much too short"
    with override_settings(TIDEGATE={"TOKEN": secret}), pytest.raises(ImproperlyConfigured) as refused:
        TidegateConfig("tidegate.django", tidegate.django).ready()
    assert secret not in str(refused.value)


@pytest.mark.servers
def test_a_project_is_recorded_as_its_setting_says(run: Run, program: Callable[..., Path], tmp_path: Path) -> None:
    store_dir = tmp_path / "elsewhere"
    run(["python", program(PROJECT.format(more=f"TIDEGATE={{'SERVICE_NAME': 'shop', 'store': {str(store_dir)!r}}}"))])
    [span] = read(store_dir).server_spans
    assert (span.service, span.attributes["http.route"]) == ("shop", "orders/<int:number>")


@pytest.mark.servers
def test_a_project_without_the_setting_is_recorded_by_the_environment(
    run: Run, program: Callable[..., Path], store_dir: Path
) -> None:
    run(["python", program(PROJECT.format(more=""))], env={"OTEL_SERVICE_NAME": "market"})
    [span] = read(store_dir).server_spans
    assert span.service == "market"


@pytest.mark.servers
@pytest.mark.parametrize("logging", ["None", "{'version': 1}"], ids=["as it is", "disables what it does not name"])
def test_under_the_launcher_it_says_once_what_is_ignored(instrument: Run, store_dir: Path, logging: str) -> None:
    done = instrument(
        PROJECT.format(more=f"TIDEGATE={{'SERVICE_NAME': 'shop', 'REDACT': True}}, LOGGING={logging}"),
        env={"OTEL_SERVICE_NAME": "market"},
    )
    assert done.stderr.count("is ignored: observability was configured before") == 1
    assert "service_name='shop' is ignored" in done.stderr
    assert [span.service for span in read(store_dir).server_spans] == ["market"]
