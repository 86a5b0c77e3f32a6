"""Standard output and error as the pipes they may be."""

from __future__ import annotations

import codecs
import os
import select
import sys

import click

from tidegate.cli.safe import safe

#: What our drawings become where the encoding of standard output does not have them.
_ASCII = str.maketrans("━╸╺─│├╰✗◦…✓→µ", "=---||`xo~+>u")


def _draw_in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode(), error.end


def tolerate_any_encoding() -> None:
    """Let standard output show what its encoding lacks by ASCII or an escape, instead of failing."""
    codecs.register_error("tidegate", _draw_in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="tidegate")


def say(sentence: str) -> None:
    """Tell the person something that is not part of the answer: on standard error."""
    click.echo(safe(sentence), err=True)


def stdout_is_closed() -> bool:
    """Whether whoever read standard output through a pipe has gone (``| head``)."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):
        return False


def discard_stdout() -> None:
    """Let the interpreter's last flush go nowhere once the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
