"""A sealed block's columns: lines of JSON, of which a reader parses only those that it needs.

The first line is ``{"signal": …, "count": …, "t0": …}``, each further one holds one column under its
name. A line whose values have tags (see `tidegate.store.values`) begins with ``"tagged": true``, and
so does the first line of a block that has such lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from tidegate.errors import FormatError
from tidegate.store import values
from tidegate.store.sealed.columns import expanded

TAGGED = b'{"tagged":true,'

#: How a line begins: its column's name as a JSON text.
_NAME = re.compile(rb'\{(?:"tagged":true,)?"((?:[^"\\]|\\.)*)":')


def dump(head: Mapping[str, Any], columns: Iterable[tuple[str, Any]]) -> tuple[bytes, dict[str, bytes]]:
    """A block's content, and each column's line."""
    # copies, since each of what orjson gives may hold half a megabyte behind its end
    lines = {name: bytes(memoryview(values.dumps({name: column}, values.AS_READ))) for name, column in columns}
    tagged = {"tagged": True} if any(line.startswith(TAGGED) for line in lines.values()) else {}
    return b"\n".join([orjson.dumps({**tagged, **head}), *lines.values(), b""]), lines


class ColumnLines(Mapping[str, Any]):
    """The columns in ``raw`` by their names; raises `FormatError` for what `dump` does not write."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        start = raw.index(b"\n") + 1
        self._head: dict[str, Any] = orjson.loads(raw[:start])
        self._lines: dict[bytes, slice] = {}
        while (end := raw.find(b"\n", start)) >= 0:
            name = _NAME.match(raw, start, end)
            if name is None:
                raise FormatError(f"a block has a line without a column's name: {raw[start : start + 40]!r}")
            self._lines[name[1]] = slice(start, end)
            start = end + 1

    def __getitem__(self, name: str) -> Any:
        if name in self._head:
            return self._head[name]
        return expanded(values.loads(self._raw[self._lines[orjson.dumps(name)[1:-1]]])[name])

    def __contains__(self, name: object) -> bool:
        return name in self._head or orjson.dumps(name)[1:-1] in self._lines

    def __iter__(self) -> Iterator[str]:
        yield from self._head
        for name in self._lines:
            yield orjson.loads(b'"' + name + b'"')

    def __len__(self) -> int:
        return len(self._head) + len(self._lines)
