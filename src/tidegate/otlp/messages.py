"""Tables of `schema` and a dialect become functions: a dict of a record's fields to a message, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tidegate.otlp.dialect import Convert, Dialect, Malformed
from tidegate.otlp.schema import Enum, Many, Optional, Table

Write = Callable[[Mapping[str, Any]], dict[str, Any]]
Read = Callable[[Any], dict[str, Any]]


def writer(table: Table, dialect: Dialect) -> Write:
    """Writes a message's fields that the record has and that are not the protocol's default."""
    steps = [
        (name, dialect.names(name)[0], _write(kind, dialect), isinstance(kind, Optional))
        for name, kind in table.items()
    ]

    def write(data: Mapping[str, Any]) -> dict[str, Any]:
        out = {}
        for name, key, convert, has_presence in steps:
            value = data.get(name)
            if value or (has_presence and value is not None):
                out[key] = value if convert is None else convert(value)
        return out

    return write


def _write(kind: Any, dialect: Dialect) -> Convert | None:
    if isinstance(kind, Optional):
        return _write(kind.of, dialect)
    if isinstance(kind, Many):
        convert = _write(kind.of, dialect)
        return list if convert is None else lambda values: list(map(convert, values))
    if isinstance(kind, Enum):
        return lambda value: kind.numbers.get(value, 0)
    return writer(kind, dialect) if isinstance(kind, Mapping) else dialect.write[kind]


def reader(table: Table, dialect: Dialect) -> Read:
    """Reads what a message has of the table's fields and ignores the rest; raises `Malformed`."""
    known = {key: (name, _read(kind, dialect)) for name, kind in table.items() for key in dialect.names(name)}
    pairs = dialect.pairs

    def read(message: Any) -> dict[str, Any]:
        out = {}
        key = ""
        value = message
        try:
            for key, value in pairs(message):
                field = known.get(key)
                if field is not None and value is not None:
                    name, convert = field
                    out[name] = value if convert is None else convert(value)
        except Malformed as error:
            error.path.insert(0, key)
            raise
        except (AttributeError, TypeError):
            raise Malformed(value, "an object", [key] if key else []) from None
        return out

    return read


def _read(kind: Any, dialect: Dialect) -> Convert | None:
    if isinstance(kind, Optional):
        return _read(kind.of, dialect)
    if isinstance(kind, Many):
        return _read_many(_read(kind.of, dialect))
    if isinstance(kind, Enum):
        return _read_enum(kind, by_name=dialect.enums_by_name)
    return reader(kind, dialect) if isinstance(kind, Mapping) else dialect.read[kind]


def _read_many(convert: Convert | None) -> Convert:
    def read(values: Any) -> list[Any]:
        if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
            raise Malformed(values, "a list")
        return list(values) if convert is None else list(map(convert, values))

    return read


def _read_enum(kind: Enum, *, by_name: bool) -> Convert:
    """By number or by the protocol's name; or by the record's own value."""
    values = {value: value for value in kind.numbers} if by_name else {}
    if not by_name:
        values = {**kind.names, **{number: value for value, number in kind.numbers.items()}}
        values.setdefault(0, next(iter(kind.names.values())))

    def read(value: Any) -> Any:
        try:
            return values[value]
        except (KeyError, TypeError):
            raise Malformed(value, f"one of {', '.join(map(repr, values))}") from None

    return read
