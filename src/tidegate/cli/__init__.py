"""The command line: arguments become calls of the reader, and records become text.

    arguments ──options──▶ reader ──records──▶ ndjson            for programs
                                           └─▶ tables, tree ──▶ output   for people (through safe)

No command decides anything about records. Modules are imported when a command needs them, so
that ``tidegate --help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from tidegate._version import __version__
from tidegate.cli.streams import discard_stdout, have_stdout, is_without_room, tolerate_any_encoding
from tidegate.errors import TidegateError
from tidegate.safe import safe

COMMANDS = (
    *("demo", "doctor", "services", "traces", "trace", "spans", "logs", "tail", "metrics", "stats", "patterns"),
    *("export", "import", "replay", "check", "prune"),
    *("status", "simulate", "ship", "serve", "health", "settings", "policy"),
)

#: Exit status after Ctrl-C, as a shell reports a program ended by SIGINT.
_INTERRUPTED = 130


class _Failure(click.ClickException):
    """A `TidegateError` as one line on standard error, without a traceback."""

    exit_code = 2

    def format_message(self) -> str:
        return safe(self.message)


class _Commands(click.Group):
    """Imports a command's module when it is asked for, and ends every command in the same way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name + "_" * iskeyword(cmd_name)
        command: click.Command = import_module(f"tidegate.cli.commands.{module}").command
        return command

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        have_stdout()
        with _in_one_line():  # --help is answered here
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> None:
        try:
            with _in_one_line():
                super().invoke(ctx)
                sys.stdout.flush()
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            discard_stdout()


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Let what went wrong be said in one line."""
    try:
        yield
    except TidegateError as error:
        raise _Failure(str(error)) from None
    except OSError as error:
        if not is_without_room(error):
            raise
        discard_stdout()
        raise _Failure(f"standard output cannot be written ({error.strerror}); make room for it.") from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tidegate")
def main() -> None:
    """See what your services recorded: traces, logs and metrics, kept on this machine.

    Run your program under `opentelemetry-instrument`, then `tidegate traces`. Or try `tidegate demo`.
    """
    tolerate_any_encoding()
