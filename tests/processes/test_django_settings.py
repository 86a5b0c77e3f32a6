"""Django, whose settings are named by the application itself, as ``startproject`` writes it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded import Recorded

Run = Callable[..., "subprocess.CompletedProcess[str]"]
See = Callable[[], Recorded]

VISIT = """
from django.test import Client
assert Client().get("/admin/login/").status_code == 200
"""

STARTS = {
    "wsgi.py": "from shop.wsgi import application\n" + VISIT,
    "manage.py": "import manage, sys\nsys.argv = ['manage.py', 'check']\nmanage.main()\n" + VISIT,
    "settings.configure": """
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
import django
from django.http import HttpResponse
from django.urls import path
django.setup()
urlpatterns = [path("admin/login/", lambda request: HttpResponse("here"))]
"""
    + VISIT,
}


@pytest.fixture
def project(run: Run, tmp_path: Path) -> None:
    run(["django-admin", "startproject", "shop", str(tmp_path)])
    settings = tmp_path / "shop" / "settings.py"
    settings.write_text(settings.read_text().replace("ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['*']"))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("start", STARTS)
def test_a_project_that_names_its_own_settings_works_and_is_recorded(
    instrument: Run, recorded: See, start: str
) -> None:
    instrument(STARTS[start], env={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": None})
    assert [span.attributes["http.route"] for span in recorded().server_spans] == ["admin/login/"]
