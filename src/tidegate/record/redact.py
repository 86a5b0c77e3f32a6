"""Secrets are replaced before a block is written: by the name of an attribute, or by how a value looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from tidegate.store.block import Batch

T = TypeVar("T")

REDACTED = "[redacted]"

#: Parts of attribute names whose values are secrets, compared without case, "-" and "_".
SECRET_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "sessiontoken",
    "csrftoken",
    "xsrftoken",
    "sessionid",
)

#: Names that are secrets when they are the whole last part of an attribute's name.
SECRET_WORDS = frozenset({"token", "pwd", "jwt", "auth", "pin", "cvv", "ssn"})

#: Values nested deeper than this are not looked into, and not stored.
MAX_DEPTH = 32

#: Sets of attribute names whose secrets are remembered; an application has some hundreds.
MAX_SHAPES = 4096

#: Names and lines that held no secret and are not searched again, and how long these may be in the mean of a block.
MAX_REMEMBERED = 4096
MAX_LINE_BYTES = 256

_SHORTEST = 4

_WORDS = "password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret"

Format = tuple[tuple[str, ...], re.Pattern[str], str]

#: What secrets look like in text: lower-case marks of which one is in every match, so that most text
#: is passed after a few searches; the pattern; and its replacement.
#: Each reads a line once, whatever is in it: no repetition is repeated, and where a match may fail
#: after a long way, no other one can start on that way.
VALUE_FORMATS: tuple[Format, ...] = (
    (
        ("passw", "passphrase", "pwd", "secret", "token", "key"),
        re.compile(
            # quotes may be escaped, as in JSON within a text; a quoted value goes up to the next one
            rf"(?i)((?:{_WORDS})[\\\"']{{0,4}}\s*[=:]\s*[\\\"']{{0,4}})(?!\[redacted)"
            rf"(?:(?<=\")[^\"\\\r\n]{{{_SHORTEST},}}|(?<=')[^'\\\r\n]{{{_SHORTEST},}}|[^\s\"'\\&,;)}}\]]{{{_SHORTEST},}})"
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("bearer ", "basic "),
        re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
        rf"\1 {REDACTED}",
    ),
    (("cookie",), re.compile(r"(?i)\b((?:set-)?cookie: ?)(?! ?\[redacted)[^\r\n]{4,}"), rf"\1{REDACTED}"),
    (("password", "identified by"), re.compile(r"(?i)\b(password|identified by) '[^'\r\n]+'"), rf"\1 '{REDACTED}'"),
    (("sig=", "signature="), re.compile(r"(?i)([?&](?:sig|[\w-]*signature)=)[^\s&\"'#]{4,}"), rf"\1{REDACTED}"),
    (("aiza",), re.compile(r"\bAIza[\w-]{35}"), REDACTED),
    # not only at a word's start: "-" is no part of a word, and each would be a start of its own
    (("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), REDACTED),
    (("@",), re.compile(r"(://[^\s/:@]*:)[^\s/?#]+@"), rf"\1{REDACTED}@"),
    (("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REDACTED),
    (
        ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[oprsu]_|github_pat_)\w{20,}"),
        REDACTED,
    ),
    (("k_live_", "sk-"), re.compile(r"\b(?:[sr]k_live_|sk-)[\w-]{16,}"), REDACTED),
    (("xox",), re.compile(r"\bxox[abprs]-[\w-]{10,}"), REDACTED),
    (
        ("-----begin",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        REDACTED,
    ),
)

_MARKS = sorted({mark.encode() for marks, _, _ in VALUE_FORMATS for mark in marks})


class Redactor:
    """Cleans batches. ``names`` are further parts of attribute names whose values are secrets.

    Used by one thread at a time, as it remembers what held no secret before.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = SECRET_NAMES + tuple(_squeeze(name) for name in names)
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._harmless: set[str] = set()
        self._clean: set[bytes] = set()

    def redact(self, batch: Batch) -> None:
        """Replace the secrets in a batch's columns; the SDK's own objects are not changed.

        All texts of the batch are looked at together: most batches hold none that could be a
        secret, and then only the names of attributes are left to check.
        """
        columns = batch.columns
        values, nested = _values(columns["attributes"])
        texts: set[str] = set()
        for column in (values, *(columns[name] for name in (*_NESTED, *_TEXTS) if name in columns)):
            _add_column(column, texts)
        cleaned = {} if self._are_clean(texts) else _cleaned(texts)
        if cleaned or nested:
            columns["attributes"] = [self._attributes(attributes, cleaned) for attributes in columns["attributes"]]
        elif not self._are_harmless(columns["attributes"]):
            columns["attributes"] = [self._names_only(attributes) for attributes in columns["attributes"]]
        for name in _NESTED:
            if name in columns and (cleaned or not _is_flat(columns[name])):
                columns[name] = self._nested(columns[name], cleaned)
        if cleaned:
            for name in _TEXTS:
                if name in columns:
                    columns[name] = self._value(columns[name], cleaned)

    def _are_clean(self, texts: Iterable[str]) -> bool:
        """Whether no text holds a mark of a secret. Lines that differ in digits only, which no mark has, are one."""
        joined = "\n".join(texts).lower().encode("utf-8", "surrogatepass")
        new = set(joined.translate(None, b"0123456789").split(b"\n")) - self._clean
        searched = b"\n".join(new)
        if any(mark in searched for mark in _MARKS):
            return False
        if len(searched) <= MAX_LINE_BYTES * len(new):
            _remember(new, self._clean)
        return True

    def _are_harmless(self, column: Iterable[Mapping[str, Any]]) -> bool:
        """Whether no attribute holds a secret by its name."""
        new = set().union(*column) - self._harmless
        if any(map(self.is_secret, new)):
            return False
        _remember(new, self._harmless)
        return True

    def is_secret(self, name: str) -> bool:
        """Whether an attribute of this name holds a secret."""
        squeezed = _squeeze(name)
        return any(part in squeezed for part in self._names) or re.split(r"[._\s-]", name.lower())[-1] in SECRET_WORDS

    def _names_only(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Attributes of which no value holds a secret, unless by its name."""
        secret = self._secret_names(tuple(attributes))
        return {**attributes, **dict.fromkeys(secret, REDACTED)} if secret else attributes

    def _attributes(self, attributes: Mapping[str, Any], cleaned: Mapping[str, str]) -> Mapping[str, Any]:
        changed = {}
        for name, value in attributes.items():
            kind = type(value)
            if kind is str:
                if cleaned and value in cleaned:
                    changed[name] = cleaned[value]
            elif kind not in _SCALARS:
                changed[name] = self._value(value, cleaned)
        for name in self._secret_names(tuple(attributes)):
            changed[name] = REDACTED
        return {**attributes, **changed} if changed else attributes

    def _secret_names(self, shape: tuple[str, ...]) -> tuple[str, ...]:
        secret = self._shapes.get(shape)
        if secret is None:
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes.clear()
            secret = self._shapes[shape] = tuple(name for name in shape if self.is_secret(name))
        return secret

    def _value(self, value: Any, cleaned: Mapping[str, str], depth: int = 0) -> Any:
        if isinstance(value, str):
            return cleaned.get(value, value)
        if isinstance(value, bytes):
            text = _decoded(value)
            return cleaned[text].encode("utf-8", _ERRORS) if text in cleaned else value
        if isinstance(value, (Mapping, list, tuple)):
            if depth > MAX_DEPTH:
                return "…"
            if isinstance(value, Mapping):
                return {name: self._item(name, item, cleaned, depth + 1) for name, item in value.items()}
            return [self._value(item, cleaned, depth + 1) for item in value]
        return value

    def _nested(self, column: Any, cleaned: Mapping[str, str]) -> Any:
        """`_value` of a column, of which most records may have nothing."""
        if isinstance(column, Mapping):
            return self._value(column, cleaned)
        return [self._value(value, cleaned, 1) if value else value for value in column]

    def _item(self, name: Any, value: Any, cleaned: Mapping[str, str], depth: int) -> Any:
        return REDACTED if isinstance(name, str) and self.is_secret(name) else self._value(value, cleaned, depth)


_SCALARS = frozenset({int, float, bool, type(None)})

_FLAT = _SCALARS | {str, bytes}

#: Columns that may hold attributes, and those of plain texts.
_NESTED = ("body", "events", "links", "exemplars", "scopes")
_TEXTS = ("name", "status_message", "event_name", "origins")

#: Bytes are looked at as text, and come back as they were.
_ERRORS = "surrogateescape"


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", _ERRORS)


def _values(column: Sequence[Mapping[str, Any]]) -> tuple[list[Any], bool]:
    """The distinct values of all attributes, and whether there may be names within them."""
    try:
        values = set().union(*[attributes.values() for attributes in column])
    except Exception:  # a mapping cannot be in a set, nor an object that refuses
        return [value for attributes in column for value in attributes.values()], True
    return list(values), not _is_flat(values)


def _is_flat(values: Iterable[Any]) -> bool:
    return set(map(type, values)) <= _FLAT


def _remember(new: set[T], known: set[T]) -> None:
    if len(known) + len(new) > MAX_REMEMBERED:
        known.clear()
    known.update(islice(new, MAX_REMEMBERED))


def _add_column(column: Any, texts: set[str]) -> None:
    """Add the texts in a column; most hold nothing else, or nothing."""
    kinds = set(map(type, column))
    if kinds == {str} and not isinstance(column, Mapping):
        texts.update(column)
    elif not kinds <= _SCALARS:
        _add_texts(list(filter(None, column)) if isinstance(column, (list, tuple)) else column, texts)


def _add_texts(value: Any, texts: set[str], depth: int = 0) -> None:
    if isinstance(value, str):
        texts.add(value)
    elif isinstance(value, bytes):
        texts.add(_decoded(value))
    # a little deeper than `_value` goes, which does not begin at the column
    elif isinstance(value, (list, tuple, Mapping)) and depth <= MAX_DEPTH + 2:
        for item in value.values() if isinstance(value, Mapping) else value:
            _add_texts(item, texts, depth + 1)


def _squeeze(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")


def _cleaned(texts: Iterable[str]) -> dict[str, str]:
    """The texts that hold what looks like a secret, and what to write instead."""
    joined = "\n".join(texts).lower()
    formats = [row for row in VALUE_FORMATS if any(mark in joined for mark in row[0])]
    if not formats:
        return {}
    cleaned = {text: clean(text, formats) for text in texts}
    return {text: new for text, new in cleaned.items() if new != text}


def clean(text: str, formats: Sequence[Format] = VALUE_FORMATS) -> str:
    """``text`` with ``[redacted]`` in place of what looks like a secret."""
    lower = text.lower()
    for marks, pattern, replacement in formats:
        if any(mark in lower for mark in marks):
            text = pattern.sub(replacement, text)
    return text
