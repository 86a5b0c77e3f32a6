"""What a developer runs: ``nox`` for everything quick, ``nox -s tests-3.13`` for one Python, ``nox -l`` lists."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "types", "imports", "docs"]

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


def _install(session: nox.Session, group: str) -> None:
    session.install("-e", ".", "--group", group)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests on each Python; arguments go to pytest."""
    _install(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("ruff>=0.14")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Static types, strictly."""
    _install(session, "lint")
    session.run("mypy")
    session.run("pyright", "--pythonpath", f"{session.bin}/python")


@nox.session
def imports(session: nox.Session) -> None:
    """Which room may import which."""
    _install(session, "lint")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Generated pages and the picture made anew, the site built in build/site, and the next change log shown."""
    _install(session, "docs")
    session.run("python", "docs/make_reference.py")
    session.run("python", "docs/make_picture.py")
    session.run("mkdocs", "build", "--strict")
    session.run("towncrier", "build", "--draft")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel, installed alone; built into dist/."""
    _install(session, "test")
    session.run("python", "-m", "build")
    session.run("pytest", "tests/project/test_wheel.py")


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks; arguments go to them."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)
