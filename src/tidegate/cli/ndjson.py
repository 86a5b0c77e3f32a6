"""Lines of JSON on standard output, harmless to a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tidegate import ndjson
from tidegate.safe import safe_json


def write_json(record: Mapping[str, Any]) -> None:
    """One record as one line; see `dumps`."""
    sys.stdout.buffer.write(dumps(record))


def dumps(record: Mapping[str, Any]) -> bytes:
    """One line of JSON by the rules of `tidegate.ndjson`.

    Characters that could harm a terminal are escaped, which means the same to whoever parses it.
    """
    return safe_json(ndjson.dumps(record))
