"""Log lines without secrets, by the same rules as what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from tidegate.record.redaction import Redactor
from tidegate.settings import Settings
from tidegate.store.block import Batch

_settings: Settings | None = None

#: It remembers what held no secret, and is used by one thread at a time; another one makes its own for a moment.
_redactor: Redactor | None = None
_lock = Lock()


def redact_by(settings: Settings) -> None:
    """Hide what these settings say from now on."""
    global _settings, _redactor
    _settings, _redactor = settings, None


def without_secrets(
    message: str, attributes: Mapping[str, Any], exception: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """The three with a marker in place of each secret."""
    global _redactor
    columns: dict[str, Any] = {"attributes": [attributes, exception], "body": [message, ""]}
    batch = Batch("", 2, columns, 0, 0)
    if not _lock.acquire(blocking=False):  # a callback that logs, or a lock that was held when this process was forked
        _made().redact(batch)
    else:
        try:
            _redactor = _redactor or _made()
            _redactor.redact(batch)
        finally:
            _lock.release()
    return (columns["body"][0], *columns["attributes"])


def _made() -> Redactor:
    return Redactor.of(_settings) if _settings is not None else Redactor()
