"""What mounting readers costs an application when it starts: nothing that answers requests is loaded."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from served import TOKEN
from tidegate import serve
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
        "tidegate.kinds",
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


@pytest.mark.parametrize("at", ["/", "", "//", "/a b", "/..", "/a/./b", "/a//b", "/{a}", "/a?b", "/ä", "/a\n", None, 5])
@pytest.mark.parametrize("mount", [serve.asgi, serve.wsgi], ids=["asgi", "wsgi"])
def test_a_path_that_is_none_is_refused(mount: Callable[..., Any], at: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=f"at is {re.escape(repr(at))}; it must be a path such as '/telemetry'"
    ):
        mount(print, at, token=TOKEN)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"service": 5}, "service is 5; it must be a service's name"),
        ({"service": ""}, "service is ''; it must be a service's name"),
        ({"open_health": "no"}, "open_health is 'no'; it must be True or False"),
        ({"allowed_hosts": "http://a.com"}, "allowed_hosts is 'http://a.com'; it must be names"),
        ({"allowed_hosts": 5}, "allowed_hosts is 5; it must be names"),
        ({"gzip": "maybe"}, "gzip is 'maybe'; it must be true or false"),
        ({"store": 5}, "store is 5; it must be a directory"),
        ({"token": 5}, "token is a hidden value; it must be"),
        ({"prefix": "/x"}, "prefix is no option of a mount; there are at, token"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named_with_its_rule(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        serve.asgi(print, **{"token": TOKEN, **option})


def test_mounting_twice_makes_two_mounts() -> None:
    first, second = (serve.wsgi(print, at, token=TOKEN) for at in ("/one", "two/"))
    assert first is not second
