"""Batches without secrets: by the name of an attribute, by how a value looks, and by what a user adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidegate.record.plain import text as text_of
from tidegate.record.redaction.arguments import filled, is_named, without_flagged
from tidegate.record.redaction.cleaning import REDACTED, Callback, Decision, clean, cleaned, own
from tidegate.record.redaction.lines import Lines, remember
from tidegate.record.redaction.marks import applicable, encoded
from tidegate.record.redaction.names import SESSIONS, Names, is_hidden
from tidegate.settings import Settings
from tidegate.store.block import Batch, unpack

#: Values nested deeper than this are not looked into, and not stored.
MAX_DEPTH = 32

#: Sets of attribute names whose secrets are remembered; an application has some hundreds.
MAX_SHAPES = 4096

#: Dirty lines of a batch beyond which each text is looked at.
_FEW = 16

#: Columns that may hold attributes, and those of plain texts.
_NESTED = ("body", "events", "links", "exemplars", "scopes", "metrics")
_PLAIN = ("name", "status_message", "event_name", "origins", "severity_text", "trace_state")
_LOOKED_AT = (*_NESTED, *_PLAIN)

#: Columns whose rows are the same over and over.
_TABLES = ("scopes", "origins")
_MAX_ROW = 1024

#: A value that is hidden by its name is looked for in the message, too, from this length on.
_SHORTEST = 6

#: Attributes that are what follows the "?" of a URL.
_QUERIES = ("url.query", "http.query", "http.query_string", "query_string")

#: Bytes are looked at as text, and come back as they were.
_ERRORS = "surrogateescape"

_SCALARS = frozenset({int, float, bool, type(None)})

_FLAT = _SCALARS | {str, bytes}
_QUICK = _SCALARS | {str}

#: Texts with a secret in a batch, and what becomes of them.
Found = Mapping[str, str]


class Redactor:
    """Cleans batches. ``names`` are further parts of attribute names whose values are secrets, ``patterns`` regular
    expressions of further secrets, ``callback`` decides on each that is found.

    Used by one thread at a time, as it remembers what held no secret before.
    """

    def __init__(
        self, names: Iterable[str] = (), patterns: Sequence[str] = (), callback: Callback | None = None
    ) -> None:
        self.decide = Decision(callback)
        self._names = Names(names)
        self._own = own(patterns)
        self._lines = Lines()
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._harmless: set[str] = set()
        self._passed: set[str] = set()
        self._rows: set[tuple[Any, ...]] = set()

    @classmethod
    def of(cls, settings: Settings) -> Redactor:
        """As the settings say."""
        return cls(settings.redact_keys, settings.redact_patterns, settings.redact_callback)

    def is_secret(self, name: str) -> bool:
        """Whether an attribute of this name holds a secret."""
        return self._names.is_secret(name)

    def redact(self, batch: Batch) -> None:
        """Replace the secrets in a batch's columns; the SDK's own objects are not changed.

        All texts of the batch are looked at together: most batches hold none that could be a
        secret, and then only the names of attributes are left to check.
        """
        columns = batch.columns
        attributes = columns["attributes"]
        values, nested = _values(attributes)
        names = set().union(*attributes)
        new = names - self._harmless
        known = self._known_tables(columns)
        found = self._found(_texts(columns, values, new, names.intersection(_QUERIES), known))
        if found or nested:
            columns["attributes"] = [self._attributes(each, found) for each in attributes]
        elif new and not self._are_harmless(new, attributes):
            columns["attributes"] = [self._names_only(each) for each in attributes]
        for name in _NESTED:
            if name in columns and name not in known and (found or not _is_flat(columns[name])):
                columns[name] = self._nested(columns[name], found)
        if found:
            for name in _PLAIN:
                if name in columns and name not in known:
                    columns[name] = self._value(columns[name], found)
        else:
            self._remember_rows(columns, known)
        if isinstance(columns.get("body"), (list, tuple)):
            self._hide_arguments(batch, attributes)

    def _known_tables(self, columns: Mapping[str, Any]) -> set[str]:
        """The tables of which all rows are remembered."""
        try:
            return {name for name in _TABLES if name in columns and self._rows.issuperset(map(_key, columns[name]))}
        except Exception:  # what has attributes of its own is in no set
            return set()

    def _remember_rows(self, columns: Mapping[str, Any], known: set[str]) -> None:
        """Rows in which nothing was found, and nothing is nested that has a name."""
        for name in _TABLES:
            if name in columns and name not in known:
                rows = (_key(row) for row in columns[name])
                remember({row for row in rows if _is_flat(row) and sum(map(len, map(str, row))) < _MAX_ROW}, self._rows)

    def _hide_arguments(self, batch: Batch, before: Sequence[Mapping[str, Any]]) -> None:
        """Hide in the bodies what is hidden by its name: as an attribute, or as an argument in the template."""
        columns = batch.columns
        if columns["attributes"] is not before:
            changed = zip(columns["body"], before, columns["attributes"], strict=True)
            columns["body"] = [self._without(*each) for each in changed]
        origins = columns.get("origins", ())
        if any(is_named(row[0]) for row in origins):
            rows = zip(columns["body"], unpack(columns, "origin", batch.count, 0), strict=True)
            columns["body"] = [
                filled(origins[row][0], body, self._argument)
                if type(body) is str and is_named(origins[row][0])
                else body
                for body, row in rows
            ]

    def _without(self, body: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> Any:
        if before is not after and type(body) is str:
            for name in self._secret_names(tuple(before)):
                value, new = before[name], after.get(name, REDACTED)
                if type(value) is str and value != new and len(value) >= _SHORTEST:
                    body = body.replace(value, new)
        return body

    def _argument(self, name: str, value: Any) -> Any:
        return self._hidden(name, value) if self.is_secret(name) and is_hidden(name, value) else value

    def _found(self, texts: set[str]) -> dict[str, str]:
        """The texts that hold what looks like a secret, and what to write instead."""
        found: dict[str, str] = {}
        if dirty := self._lines.dirty(texts):
            for text in texts:
                if len(dirty) > _FEW or any(line in text for line in dirty):
                    found[text] = clean(text)
        if self._own:
            new = texts - self._passed
            hits = {text for text in new if any(each.is_in(text) for each in self._own)}
            remember({text for text in new - hits if len(text) <= MAX_SHAPES}, self._passed)
            for text in hits:
                found[text] = self._cleaned(text, "", _HIDE)
        return {text: new for text, new in found.items() if new != text}

    def _cleaned(self, text: str, name: str, decide: Decision) -> str:
        new = cleaned(text, applicable(encoded(text)), name, decide)
        for each in self._own:
            new = each.cleaned(new, name, decide)
        return new

    def _are_harmless(self, new: set[str], column: Iterable[Mapping[str, Any]]) -> bool:
        """Whether no attribute of a new name holds a secret by that."""
        secret = {name for name in new if _is_text(name) and self.is_secret(name)}
        remember(new - secret, self._harmless)
        return secret <= SESSIONS and not any(
            is_hidden(name, each[name]) for each in column for name in secret if name in each
        )

    def _names_only(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Attributes of which no value holds a secret, unless by its name."""
        changed = self._by_name(attributes)
        return {**attributes, **changed} if changed else attributes

    def _by_name(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        secret = self._secret_names(tuple(attributes))
        hidden = ((name, attributes[name]) for name in secret)
        return {name: self._hidden(name, value) for name, value in hidden if is_hidden(name, value)}

    def _hidden(self, name: str, value: Any) -> str:
        if self.decide.callback is None:
            return REDACTED
        return self.decide(name, value if type(value) is str else text_of(value), "name of the attribute")

    def _attributes(self, attributes: Mapping[str, Any], found: Found) -> Mapping[str, Any]:
        changed = {}
        for name, value in attributes.items():
            kind = type(value)
            if kind is str:
                if found:
                    new = self._text(value, found, name)
                    if new is not value:
                        changed[name] = new
            elif kind not in _SCALARS:
                changed[name] = self._value(value, found, name)
        changed.update(self._by_name(attributes))
        if not changed and found.keys().isdisjoint(attributes):
            return attributes
        return {found.get(name, name): value for name, value in {**attributes, **changed}.items()}

    def _secret_names(self, shape: tuple[str, ...]) -> tuple[str, ...]:
        secret = self._shapes.get(shape)
        if secret is None:
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes.clear()
            secret = self._shapes[shape] = tuple(name for name in shape if _is_text(name) and self.is_secret(name))
        return secret

    def _text(self, text: str, found: Found, name: str) -> str:
        if name in _QUERIES and "?" + text in found:
            return self._text("?" + text, found, "")[1:]
        if text not in found:
            return text
        return found[text] if self.decide.callback is None else self._cleaned(text, name, self.decide)

    def _value(self, value: Any, found: Found, name: str = "", depth: int = 0) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is str or isinstance(value, str):
            return self._text(value, found, name) if found else value
        if isinstance(value, bytes):
            text = _decoded(value)
            return self._text(text, found, name).encode("utf-8", _ERRORS) if text in found else value
        if isinstance(value, (Mapping, list, tuple)):
            if depth > MAX_DEPTH:
                return "…"
            if isinstance(value, Mapping):
                return {found.get(key, key): self._item(key, item, found, depth + 1) for key, item in value.items()}
            return without_flagged([self._value(item, found, name, depth + 1) for item in value], self._argument)
        return value

    def _item(self, name: Any, value: Any, found: Found, depth: int) -> Any:
        if name not in self._harmless:
            if _is_text(name) and self.is_secret(name):
                return self._hidden(name, value) if is_hidden(name, value) else value
            if name not in found:
                remember({name}, self._harmless)
        return self._value(value, found, name, depth)

    def _nested(self, column: Any, found: Found) -> Any:
        """`_value` of a column, of which most records may have nothing."""
        if isinstance(column, Mapping):
            return self._value(column, found)
        return [self._value(value, found, "", 1) if value else value for value in column]


_HIDE = Decision()


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", _ERRORS)


def _key(row: Any) -> tuple[Any, ...]:
    """A row of a table as it is remembered."""
    return (*row, *row.values()) if isinstance(row, dict) else tuple(row)


def _texts(
    columns: Mapping[str, Any], values: list[Any], names: set[Any], queries: set[Any], known: set[str]
) -> set[str]:
    """All texts of a batch, the names of attributes that are new among them, but those of known tables."""
    texts = set(filter(_is_text, names))
    for column in (values, *(columns[name] for name in _LOOKED_AT if name in columns and name not in known)):
        _add_column(column, texts)
    for name in queries:
        texts.update("?" + text_of(each[name]) for each in columns["attributes"] if name in each)
    return texts


def _values(column: Sequence[Mapping[str, Any]]) -> tuple[list[Any], bool]:
    """The distinct values of all attributes, and whether there may be names within them."""
    try:
        values = set().union(*[attributes.values() for attributes in column])
    except Exception:  # a mapping cannot be in a set, nor an object that refuses
        return [value for attributes in column for value in attributes.values()], True
    return list(values), not _is_flat(values)


def _is_flat(values: Iterable[Any]) -> bool:
    return set(map(type, values)) <= _FLAT


def _add_column(column: Any, texts: set[str]) -> None:
    """Add the texts in a column; most hold nothing else, or nothing."""
    kinds = set(map(type, column))
    if kinds == {str} and not isinstance(column, Mapping):
        texts.update(column)
    elif kinds <= _QUICK and not isinstance(column, Mapping):
        texts.update([value for value in column if type(value) is str])
    elif not kinds <= _SCALARS:
        _add_texts(list(filter(None, column)) if isinstance(column, (list, tuple)) else column, texts)


def _add_texts(value: Any, texts: set[str], depth: int = 0) -> None:
    kind = type(value)
    if kind is str:
        texts.add(value)
    elif kind in _SCALARS:
        pass
    elif isinstance(value, str):
        texts.add(value)
    elif isinstance(value, bytes):
        texts.add(_decoded(value))
    # a little deeper than `_value` goes, which does not begin at the column
    elif isinstance(value, (list, tuple, Mapping)) and depth <= MAX_DEPTH + 2:
        items = _contents(value)
        texts.update([item for item in items if type(item) is str])
        for item in items:
            if type(item) not in _QUICK:
                _add_texts(item, texts, depth + 1)


def _contents(value: Any) -> Iterable[Any]:
    if not isinstance(value, Mapping):
        return list(value)
    queries = ("?" + value[name] for name in _QUERIES if isinstance(value.get(name), str))
    return [*value, *value.values(), *queries]
