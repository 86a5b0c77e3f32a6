"""The command starts at once: nothing is imported that is not needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
import pytest

from cli.conftest import TIDEGATE
from tidegate._version import __version__
from tidegate.cli import COMMANDS, main

#: Runs the command line and then tells which of these packages it has imported.
PROGRAM = """
import sys
from tidegate.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
packages = ("rich", "opentelemetry", "requests", "sqlite3", "asyncio")
print(sorted(name for name in packages if name in sys.modules), file=sys.stderr)
"""


@pytest.fixture
def imported(run: Callable[..., Any], recorded: str) -> Callable[..., str]:
    def imported(*arguments: str) -> str:
        env = {"OTEL_PYTHON_TIDEGATE_STORE": recorded}
        errors: str = run([sys.executable, "-c", PROGRAM, *arguments], env=env).stderr
        return errors.splitlines()[-1]

    return imported


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["logs", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(imported: Callable[..., str], arguments: list[str]) -> None:
    assert imported(*arguments) == "[]"


@pytest.mark.parametrize("command", ["services", "traces", "spans", "logs", "tail", "metrics", "settings"])
def test_json_needs_neither_rich_nor_the_sdk(imported: Callable[..., str], command: str) -> None:
    assert imported(command, "--json") == "[]"


@pytest.mark.parametrize("command", ["services", "traces", "spans", "logs", "tail", "metrics", "settings"])
def test_tables_need_no_sdk(imported: Callable[..., str], command: str) -> None:
    assert imported(command) == "['rich']"


def test_help_lists_every_command(run: Callable[..., Any]) -> None:
    output = run([TIDEGATE, "--help"]).stdout
    listed = [line.split()[0] for line in output.partition("Commands:\n")[2].splitlines()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command
    for each in command.commands.values() if isinstance(command, click.Group) else [command]:
        options = [parameter for parameter in each.params if isinstance(parameter, click.Option)]
        assert options
        assert all(option.help and option.help.endswith(".") for option in options)


def test_version_is_the_package_s(run: Callable[..., Any]) -> None:
    assert run([TIDEGATE, "--version"]).stdout == f"tidegate, version {__version__}\n"
