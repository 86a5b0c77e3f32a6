"""The kinds of values that settings have: what text or object is taken for one, and the rule to be told otherwise."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any, cast
from urllib.parse import unquote, urlsplit


class Refused(ValueError):
    """What is wrong with a value, where that says more than the kind's rule."""


@dataclass(frozen=True)
class Kind:
    """A type of value: ``parse`` makes one or raises ValueError, ``rule`` says what may be given."""

    name: str
    rule: str
    parse: Callable[[Any], Any]


def _parse_text(value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError
    return os.fspath(value).strip()


def _parse_store(value: Any) -> str:
    """A directory as an absolute path: a program may change its working directory, a store must not move."""
    text = _parse_text(value)
    if "://" in text:
        raise ValueError
    if text.lower() in ("", "memory:", "off"):
        return text.lower()
    return os.path.abspath(os.path.expanduser(text))


def _parse_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ValueError


def number(low: float, high: float, unit: str, whole: bool = False) -> Kind:
    def parse(value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError
        number = int(str(value).strip()) if whole else float(str(value).strip())
        if not low <= number <= high:
            raise ValueError
        return number

    return Kind(
        "integer" if whole else "number",
        f"a {'whole ' if whole else ''}number of {unit} from {low:,} to {high:,}",
        parse,
    )


_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30}


def size(low: int) -> Kind:
    def parse(value: Any) -> int:
        if isinstance(value, bool):
            raise ValueError
        text = str(value).strip().lower().replace(" ", "")
        digits = text.rstrip("bgikm")
        count = int(float(digits) * _UNITS[text[len(digits) :]])
        if count < low:
            raise ValueError
        return count

    return Kind("size", f"a number of bytes such as 67108864 or 64MiB, at least {low >> 20}MiB", parse)


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _parse_age(value: Any) -> float:
    """Seconds from a number or from text such as ``15m`` or ``7d``."""
    if isinstance(value, bool):
        raise ValueError
    text = str(value).strip().lower()
    unit = text[-1:] if text[-1:] in _SECONDS else "s"
    seconds = float(text.removesuffix(unit)) * _SECONDS[unit]
    if not 0 < seconds < 1e10:
        raise ValueError
    return seconds


#: What the store keeps apart, so that each may be kept for a time of its own: log records by severity, spans by
#: whether their trace has an error, metric points.
CLASSES = ("error", "warning", "info", "debug", "error-trace", "trace", "metric")

#: What holds for every class that has no entry.
DEFAULT_CLASS = "default"

#: The entries that hold unless others take their place.
RETENTION_ENTRIES = "error=30d 25%, debug=1d, default=7d"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long records of one class are kept: an age in seconds, so many of the newest, a share of the store's bytes
    that others may not take."""

    age: float | None = None
    count: int | None = None
    share: float | None = None

    def __str__(self) -> str:
        texts = (
            f"{self.age:.15g}s" if self.age is not None else "",
            f"{self.share * 100:.15g}%" if self.share is not None else "",
            str(self.count) if self.count is not None else "",
        )
        return " ".join(filter(None, texts))


def parse_retention(text: str) -> dict[str, Limits]:
    """What is kept of each class: `RETENTION_ENTRIES`, but those that the text has for the same classes take their
    place; raises ValueError."""
    limits = {**_parse_entries(RETENTION_ENTRIES), **_parse_entries(text)}
    shares = [each.share for each in limits.values() if each.share is not None]
    if sum(shares) > 1 or (DEFAULT_CLASS in limits and limits[DEFAULT_CLASS].share is not None):
        raise ValueError
    return limits


def _parse_entries(text: str) -> dict[str, Limits]:
    found: dict[str, Limits] = {}
    for entry in filter(str.strip, text.lower().split(",")):
        name, _, words = (part.strip() for part in entry.partition("="))
        if name in found or name not in (*CLASSES, DEFAULT_CLASS):
            raise ValueError
        found[name] = _parse_limits(words.split())
    return found


def _parse_limits(words: list[str]) -> Limits:
    found: dict[str, Any] = {}
    for word in words:
        if word.endswith("%"):
            name, value = "share", float(word[:-1]) / 100
            if not 0 < value <= 1:
                raise ValueError
        elif word.isdecimal():
            name, value = "count", int(word)
            if not value:
                raise ValueError
        elif word[-1] in _SECONDS:
            name, value = "age", _parse_age(word)
        else:
            raise ValueError
        if name in found:
            raise ValueError
        found[name] = value
    if not found:
        raise ValueError
    return Limits(**found)


def _parse_retention(value: Any) -> str:
    """The text itself, one space after each comma."""
    text = _parse_text(value)
    parse_retention(text)
    return ", ".join(" ".join(entry.split()) for entry in text.split(",") if entry.strip())


#: A location of a kind of its own, such as ``https://…`` or ``jaeger+http://…``; everything else is a path.
_SCHEME = re.compile(r"[a-z][a-z0-9_+.-]*:")


def _parse_location(value: Any) -> str:
    """A path is made absolute, for the reason that a store is."""
    text = _parse_text(value)
    return text if not text or _SCHEME.match(text) else os.path.abspath(os.path.expanduser(text))


def _parse_endpoint(value: Any) -> str:
    """A URL of HTTP's, or anything else without spaces that may be a target of gRPC's: see `is_url_of_http`."""
    text = _parse_text(value)
    if any(map(str.isspace, text)) or (text.lower().startswith(("http:", "https:")) and not is_url_of_http(text)):
        raise ValueError
    return text


def is_url_of_http(text: str) -> bool:
    """Whether it is what OTLP over HTTP can be sent to; OTLP over gRPC also goes to ``host:port`` and the like."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def choice(*words: str) -> Kind:
    def parse(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in words:
            raise ValueError
        return word

    return Kind("choice", "one of " + ", ".join(words), parse)


def _parse_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not all(isinstance(item, str) for item in value):
        raise ValueError
    return tuple(item.strip() for item in value if item.strip())


def _parse_urls(value: Any) -> tuple[str, ...]:
    patterns = _parse_names(value)
    try:
        re.compile("|".join(patterns))
    except re.error:
        raise ValueError from None
    return patterns


#: Seconds between two attempts to import what a `Named` callable is in.
RETRY_S = 1.0

_PLACE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Named:
    """The callable that ``module:name`` names. It is imported when it is called, since the module is the
    application's, which may not be importable, or instrumented, before then."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._found: Callable[..., Any] | None = None
        self._problem, self._retry_at = "", 0.0

    def __call__(self, *arguments: Any) -> Any:
        """Raises LookupError as long as it cannot be had, and what it raises itself."""
        return (self._found or self._find())(*arguments)

    def _find(self) -> Callable[..., Any]:
        if time.monotonic() < self._retry_at:
            raise LookupError(self._problem)
        module, _, name = self.place.partition(":")
        try:
            self._found = attrgetter(name)(import_module(module))
        except Exception as error:  # a module may fail in any way; or it is being imported, and has it in a moment
            self._retry_at = time.monotonic() + RETRY_S
            self._problem = f"{self.place} cannot be had: {type(error).__name__}: {error}"
            raise LookupError(self._problem) from None
        return self._found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and other.place == self.place

    def __hash__(self) -> int:
        return hash(self.place)

    def __repr__(self) -> str:
        return self.place


def _parse_callable(value: Any) -> Callable[..., Any] | None:
    if callable(value):
        return cast("Callable[..., Any]", value)
    place = _parse_text("" if value is None else value)
    if place and not _PLACE.fullmatch(place):
        raise ValueError
    return Named(place) if place else None


def _parse_regexes(value: Any) -> tuple[str, ...]:
    from tidegate.regexes import MOST_FOUND, checked  # it takes time that most processes need not spend

    texts = tuple(text for text in (value.split(";") if isinstance(value, str) else value) if text)
    for text in texts:
        try:
            compiled, _ = checked(text, MOST_FOUND)
        except ValueError as error:
            raise Refused(f"T{str(error)[1:]}") from None
        if compiled.search(""):
            raise Refused(f"The regular expression {text!r} matches the empty text; it must match what is to go.")
    return texts


def _parse_pairs(value: Any) -> dict[str, Any]:
    """``key=value,key=value`` with percent-encoding (OpenTelemetry's baggage form), or a mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    pairs = {}
    for item in _parse_names(value):
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            raise ValueError
        pairs[key.strip()] = unquote(text.strip())
    return pairs


#: Bits that a token must be able to carry, and the most characters that it may have.
TOKEN_BITS = 128
MAX_TOKEN = 512

#: Bits that a random character of each alphabet carries; the first alphabet that has all of a token's counts.
_ALPHABETS = (("[0-9]+", 3.32), ("[0-9a-f]+", 4), ("[0-9A-F]+", 4), ("[0-9a-z]+|[0-9A-Z]+", 5.16), ("[!-~]+", 6))


def _parse_token(value: Any) -> str:
    token = _parse_text(value)
    if token:
        bits = next((bits for alphabet, bits in _ALPHABETS if re.fullmatch(alphabet, token)), 0)
        if len(token) * bits < TOKEN_BITS or len(token) > MAX_TOKEN or len(set(token)) < 8:
            raise ValueError
    return token


#: A host's name as a Host header has it, without its port.
_HOST = re.compile(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _parse_hosts(value: Any) -> tuple[str, ...]:
    names = tuple(name.lower() for name in _parse_names(value))
    if not all(map(_HOST.fullmatch, names)):
        raise ValueError
    return names


RECORDS_PER_SECOND = number(0, 1_000_000, "log records a second")


def _or_none(kind: Kind, name: str) -> Kind:
    """``kind``, or ``none`` for no limit at all."""

    def parse(value: Any) -> Any:
        return None if value is None or str(value).strip().lower() == "none" else kind.parse(value)

    return Kind(name, f"{kind.rule}, or none", parse)


_SLOW = number(0.001, 86400, "seconds")


def _parse_slow(value: Any) -> Any:
    text = str(value).strip().lower()
    return text if text in ("auto", "off") else _SLOW.parse(value)


TEXT = Kind("text", "text", _parse_text)
TOKEN = Kind(
    "token",
    f"at most {MAX_TOKEN} ASCII characters without spaces that carry {TOKEN_BITS} bits when they are random,"
    " 22 of Base64's or 32 hexadecimal digits (`python -c 'import secrets; print(secrets.token_urlsafe())'`"
    " makes one)",
    _parse_token,
)
HOSTS = Kind(
    "hosts",
    "names such as shop.example.com or *.example.com without scheme and port, or *, separated by commas",
    _parse_hosts,
)
STORE = Kind(
    "store",
    "a directory, memory: or off (a URL is for reading alone, and given to the command: tidegate logs URL)",
    _parse_store,
)
BOOL = Kind("boolean", "true or false", _parse_bool)
NAMES = Kind("names", "names separated by commas", _parse_names)
URLS = Kind("urls", "regular expressions separated by commas, such as /healthz,/static/", _parse_urls)
REGEXES = Kind(
    "regexes",
    "regular expressions, in a text separated by ; (a ; itself is \\x3b there)",
    _parse_regexes,
)
CALLABLE = Kind("callable", "a callable, or where to import one from, as module:name", _parse_callable)
PAIRS = Kind("pairs", "key=value pairs separated by commas", _parse_pairs)
LOCATION = Kind(
    "location",
    "a file, an http:// or https:// URL, jaeger+http://HOST:PORT, or NAME:… of an installed policy source",
    _parse_location,
)
ENDPOINT = Kind(
    "endpoint",
    "an http:// or https:// URL such as http://localhost:4318; where OTEL_EXPORTER_OTLP_PROTOCOL is grpc, HOST:PORT"
    " will do, too",
    _parse_endpoint,
)
BUDGET = _or_none(RECORDS_PER_SECOND, "budget")
TRACES_PER_SECOND = number(0, 1_000_000, "traces a second")
SPAN_BUDGET = _or_none(number(0, 10_000_000, "spans a second"), "span budget")
SLOW = Kind("slow", f"auto, off, or {_SLOW.rule}", _parse_slow)
INTERVAL = number(1, 86400, "seconds")
RETENTION = Kind(
    "retention",
    f"CLASS=LIMITS separated by commas, such as error=30d 25%, debug=1d; a class is {', '.join(CLASSES)} or"
    f" {DEFAULT_CLASS}, limits are an age (s, m, h, d, w), a share of the bytes that is reserved (%), and a count of"
    " records, all above 0; shares are 100% together at most, the one of error among them unless its entry has none,"
    f" and {DEFAULT_CLASS} has none",
    _parse_retention,
)
