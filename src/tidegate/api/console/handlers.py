"""A handler that writes our lines, and `configure_logging`, which gives one to the root logger."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

from tidegate.api.calls.complaints import counts
from tidegate.api.console.formatting import Lines, StructuredFormatter, TextFormatter
from tidegate.errors import ConfigurationError
from tidegate.settings import environment

_FORMATS = ("json", "text")

_logger = logging.getLogger("tidegate")


class LineHandler(logging.Handler):
    """Writes to a stream, or to whatever standard error is at the moment; a stream that is broken is left alone."""

    def __init__(self, style: str, stream: TextIO | None = None, *, redact: bool = True) -> None:
        super().__init__()
        self._stream = stream
        text = TextFormatter(is_coloured=self._shows_colours, redact=redact)
        self.lines: Lines = text if style == "text" else StructuredFormatter(redact=redact)
        self.setFormatter(self.lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. Never raises."""
        self.write(self.format(record))

    def write(self, text: str) -> None:
        """Write lines, at once. Never raises."""
        try:
            stream = self._where()
            if stream is not None:
                stream.write(_encodable(text + "\n", stream))
                stream.flush()
        except Exception:  # closed, full, or its reader gone: there is nowhere to tell it
            counts["console"] += 1

    def _where(self) -> TextIO | None:
        return self._stream if self._stream is not None else sys.stderr

    def _shows_colours(self) -> bool:
        stream = self._where()
        try:
            return stream is not None and stream.isatty() and not environment("NO_COLOR")
        except Exception:
            return False


def _encodable(text: str, stream: TextIO) -> str:
    """``text``, with escapes for what the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None)
    if not encoding or text.isascii():
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def configure_logging(
    level: int | str = logging.INFO,
    *,
    format: Literal["json", "text"] = "json",  # noqa: A002 — as everybody calls it
    stream: TextIO | None = None,
    force: bool = False,
) -> logging.Handler:
    """Give the root logger one handler, which writes JSON or readable lines, and a level: `logging.basicConfig` with
    our formats.

    ``stream`` is standard error unless given. Where the root logger has handlers already nothing is
    changed, which a warning says, and the handler that is returned is attached to nothing; with
    ``force`` it takes their place. Handlers of OpenTelemetry, which print nothing, do not count and stay.

    Raises `ConfigurationError` when ``level`` or ``format`` is none.

    >>> import io, json, logging, tidegate
    >>> root, stream = logging.getLogger(), io.StringIO()
    >>> level, handlers = root.level, root.handlers[:]
    >>> root.handlers.clear()
    >>> handler = tidegate.configure_logging(logging.INFO, stream=stream)
    >>> logging.getLogger("shop").info("paid", extra={"order.id": 7})
    >>> json.loads(stream.getvalue())["order.id"]
    7
    >>> root.setLevel(level)
    >>> root.handlers[:] = handlers
    """
    if format not in _FORMATS:
        raise ConfigurationError(f"format is {format!r}; it must be one of {', '.join(_FORMATS)}.")
    try:
        level = level.upper() if isinstance(level, str) else level
        logging.NullHandler(level)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"level is {level!r}; it must be a level of logging, such as logging.INFO or 'INFO'."
        ) from None
    handler = LineHandler(format, stream)
    root = logging.getLogger()
    others = [each for each in root.handlers if not type(each).__module__.startswith("opentelemetry.")]
    if others and not force:
        _logger.warning(
            "configure_logging changes nothing: the root logger has handlers already (%s). Give it force=True to"
            " replace them, or one of them a formatter: tidegate.StructuredFormatter().",
            ", ".join(map(repr, others)),
        )
        return handler
    root.setLevel(level)
    for each in others:
        root.removeHandler(each)
        each.close()
    root.addHandler(handler)
    return handler
