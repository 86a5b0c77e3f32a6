"""What mounting readers costs an application when it starts: nothing that answers requests is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate.serve
from served import TOKEN
from tidegate.errors import ConfigurationError

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PROGRAM = """
import sys

import {framework}

before = set(sys.modules)
import tidegate.serve

{line}
print(*sorted({{name for name in set(sys.modules) - before if not name.startswith({framework!r})}}), sep="\\n")
"""

LINES = {
    "asyncio": "tidegate.serve.asgi(print)",
    "http": "tidegate.serve.wsgi(print)",
    "flask": "tidegate.serve.flask(flask.Flask('shop'))",
    "fastapi": "tidegate.serve.fastapi(fastapi.FastAPI())",
    "django.urls": "tidegate.serve.django()",
}


@pytest.fixture(params=LINES)
def loaded(request: pytest.FixtureRequest, run: Run, program: Callable[..., Path]) -> set[str]:
    source = PROGRAM.format(framework=request.param, line=LINES[request.param])
    return set(run([sys.executable, program(source)], env={"OTEL_PYTHON_TIDEGATE_TOKEN": TOKEN}).stdout.split())


def test_nothing_of_opentelemetry_is_loaded(loaded: set[str]) -> None:
    assert not [name for name in loaded if name.startswith("opentelemetry")]


def test_no_server_is_loaded(loaded: set[str]) -> None:
    assert loaded.isdisjoint({"uvicorn", "websockets", "h11", "gunicorn"})


def test_what_reads_the_store_is_not_loaded(loaded: set[str]) -> None:
    assert {name for name in loaded if name.startswith("tidegate.")} <= {
        "tidegate._version",
        "tidegate.errors",
        "tidegate.settings",
        *(f"tidegate.serve{name}" for name in ("", ".mounts", ".message", ".ending", ".threads")),
        *(f"tidegate.serve.{name}_app" for name in ("asgi", "wsgi", "django")),
    }


@pytest.mark.parametrize("line", LINES.values())
def test_a_mount_without_a_token_is_refused_where_it_is_written(
    run: Run, program: Callable[..., Path], line: str
) -> None:
    framework = next(name for name, each in LINES.items() if each == line)
    done = run([sys.executable, program(PROGRAM.format(framework=framework, line=line))], check=False)
    assert "ConfigurationError: readers that are mounted into an application need a token" in done.stderr


@pytest.mark.parametrize("at", ["/", ""])
def test_readers_that_would_hide_the_application_are_refused(at: str) -> None:
    with pytest.raises(ConfigurationError, match="at is"):
        tidegate.serve.asgi(print, at, token=TOKEN)


def test_mounting_twice_makes_two_mounts() -> None:
    first, second = (tidegate.serve.wsgi(print, at, token=TOKEN) for at in ("/one", "two/"))
    assert first is not second
