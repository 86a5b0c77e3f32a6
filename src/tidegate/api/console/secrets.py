"""Log lines without secrets, by the same rules as what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.record.redaction import Redactor, SharedRedactor
from tidegate.settings import Settings
from tidegate.store.block import Batch

_redactor = SharedRedactor(Redactor)


def redact_by(settings: Settings) -> None:
    """Hide what these settings say from now on."""
    global _redactor
    _redactor = SharedRedactor(lambda: Redactor.of(settings))


def without_secrets(
    message: str, attributes: Mapping[str, Any], exception: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """The three with a marker in place of each secret."""
    columns: dict[str, Any] = {"attributes": [attributes, exception], "body": [message, ""]}
    _redactor.redact(Batch("", 2, columns, 0, 0))
    return (columns["body"][0], *columns["attributes"])
