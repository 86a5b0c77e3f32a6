"""Standard output and error as the pipes they may be."""

from __future__ import annotations

import codecs
import errno
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tidegate.safe import safe

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


#: What a write meets where there is no room.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: What asks a command to end, and would end it on the spot.
_ENDING = (signal.SIGTERM, signal.SIGHUP)


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


def have_stdout() -> None:
    """Let a command that was started with standard output closed write into nothing."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 — standard output is not closed


def is_without_room(error: OSError) -> bool:
    """Whether standard output could not take more: what is written elsewhere names its file, or is a `StoreError`."""
    return error.filename is None and error.errno in _NO_ROOM


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, so that it removes what it has not finished."""
    before = {number: signal.signal(number, _end) for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: object) -> None:
    # as a shell reports a program ended by a signal
    raise SystemExit(128 + number)
