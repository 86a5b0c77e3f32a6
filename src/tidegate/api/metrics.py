"""Counters, gauges and histograms by name: one call each, on the global MeterProvider.

An instrument is made when its name is first used, in the scope ``tidegate.api``, and remembered for as long as the
provider stays the same. Nothing is recorded before there is one. What OpenTelemetry would refuse is left out, counted
and warned of once; nothing is raised.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.metrics import get_meter_provider

from tidegate.api.calls.arguments import joined
from tidegate.api.calls.complaints import complain
from tidegate.api.calls.providers import leads_nowhere
from tidegate.record.plain import plain, text

#: Upper bounds of a histogram's buckets, those of prometheus_client: for seconds, from 5 ms to 10 s.
DEFAULT_HISTOGRAM_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

#: Names that are recorded; a program that makes names up must not fill the memory.
MAX_INSTRUMENTS = 2000

#: Scope of what is recorded here.
SCOPE = "tidegate.api"

# the instrument name syntax and the unit of OpenTelemetry's metrics API, which the SDK enforces by raising
_NAME = re.compile(r"[A-Za-z][-_./A-Za-z0-9]{0,254}")
_UNIT = re.compile(r"[\x00-\x7f]{0,63}")

#: Beyond it a number is sent as a float: OTLP has 64 bits for an integer.
_HIGHEST = 2**63 - 1

_QUICK = frozenset({str, bool, int})


class Kind(NamedTuple):
    """A kind of instrument: what makes it, what takes its values, and the lowest of those."""

    name: str
    create: str
    record: str
    lowest: float


COUNTER = Kind("counter", "create_counter", "add", 0)
GAUGE = Kind("gauge", "create_gauge", "set", -sys.float_info.max)
HISTOGRAM = Kind("histogram", "create_histogram", "record", 0)


class _Instrument:
    """An instrument of the provider's, and what it was asked for with."""

    __slots__ = ("buckets", "description", "kind", "lowest", "record", "unit")

    def __init__(self, kind: Kind, unit: str, description: str, buckets: Sequence[float] | None) -> None:
        self.kind, self.lowest = kind, max(kind.lowest, -_HIGHEST)
        self.unit, self.description, self.buckets = unit, description, buckets
        self.record: Callable[[float, Mapping[str, Any] | None], None]


def counter(
    name: str,
    /,
    value: float = 1,
    *mappings: Mapping[str, Any],
    unit: str = "",
    description: str = "",
    **attributes: Any,
) -> None:
    """Add ``value``, which must not be negative, to the counter ``name``.

    ``unit`` (UCUM, such as ``By`` or ``{order}``) and ``description`` count at the first use of the name. Each
    combination of attributes is a series of its own: give what has few values. They are texts, numbers or booleans;
    None is left out, and of anything else the text is taken. They are given by name, or in mappings where a name is an
    argument's here, or none of Python's. Never raises.

        >>> import tidegate
        >>> tidegate.counter("shop.orders")
        >>> tidegate.counter("shop.sales", 12.5, unit="EUR", channel="web")
        >>> tidegate.counter("shop.parcels", 1, {"unit": "kg", "shop.name": "north"})
    """
    measure(COUNTER, name, value, unit, description, None, joined(mappings, attributes))


def gauge(
    name: str, /, value: float, *mappings: Mapping[str, Any], unit: str = "", description: str = "", **attributes: Any
) -> None:
    """Set the gauge ``name`` to ``value``, which may be negative.

    The rest is as in `counter`. Of several processes each has a series of its own.

    >>> import tidegate
    >>> tidegate.gauge("shop.queue.length", 17, unit="{order}")
    """
    measure(GAUGE, name, value, unit, description, None, joined(mappings, attributes))


def histogram(
    name: str,
    /,
    value: float,
    *mappings: Mapping[str, Any],
    unit: str = "",
    description: str = "",
    buckets: Sequence[float] = DEFAULT_HISTOGRAM_BUCKETS,
    **attributes: Any,
) -> None:
    """Record ``value``, which must not be negative, in the histogram ``name``.

    ``buckets`` are the upper bounds, ascending, and count at the first use of the name; a View goes before them.
    The rest is as in `counter`.

        >>> import tidegate
        >>> tidegate.histogram("shop.basket", 3, unit="{item}", buckets=(1, 2, 5, 10))
    """
    measure(HISTOGRAM, name, value, unit, description, buckets, joined(mappings, attributes))


class _Meter:
    """The instruments of one provider by name."""

    __slots__ = ("_kinds", "_meter", "instruments", "provider")

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.instruments: dict[str, _Instrument] = {}
        self._kinds: dict[str, Kind] = {}  # in lower case: OpenTelemetry takes no notice of it
        meter = provider.get_meter(SCOPE) if provider is not None else None
        # the API's stand-in for one that is set later would keep all instruments for it
        self._meter = None if leads_nowhere(meter) else meter

    def find(
        self, kind: Kind, name: str, unit: str, description: str, buckets: Sequence[float] | None
    ) -> _Instrument | None:
        """The instrument, which is made if there is none; None if it cannot be had."""
        if self._meter is None:
            return None
        found = self.instruments.get(name)
        if found is None:
            return self._make(kind, name, unit, description, buckets)
        if found.kind is not kind:
            _complain_of_name(kind, name, found.kind)
            return None
        message = "%s %r keeps the unit, description and buckets of its first use; give them there."
        complain("late", name, message, kind.name, name)
        return found

    def _make(
        self, kind: Kind, name: str, unit: str, description: str, buckets: Sequence[float] | None
    ) -> _Instrument | None:
        if not _is_like(_NAME, name):
            rule = "a name is up to 255 ASCII letters, digits and _ . - /, and begins with a letter"
            complain("name", text(name), "%s %r is not recorded: %s.", kind.name, text(name), rule)
            return None
        former = self._kinds.get(name.lower(), kind)
        if former is not kind:
            _complain_of_name(kind, name, former)
            return None
        if len(self.instruments) >= MAX_INSTRUMENTS:
            rule = "there are %d already; put what differs into attributes"
            complain("limit", "", f"%s %r is not recorded: {rule}.", kind.name, name, MAX_INSTRUMENTS)
            return None
        self._kinds[name.lower()] = kind
        return self.instruments.setdefault(name, self._made(kind, name, unit, description, buckets))

    def _made(self, kind: Kind, name: str, unit: str, description: str, buckets: Sequence[float] | None) -> _Instrument:
        made = _Instrument(kind, unit, description, buckets)
        if not _is_like(_UNIT, unit):
            complain("unit", name, "%s %r has no unit: %r is not up to 63 ASCII characters.", kind.name, name, unit)
            unit = ""
        options: dict[str, Any] = {"unit": unit, "description": text(description)}
        if buckets is not None:
            options["explicit_bucket_boundaries_advisory"] = _bounds(name, buckets)
        instrument = getattr(self._meter, kind.create)(name, **options)
        made.record = getattr(instrument, kind.record)
        return made


def _complain_of_name(kind: Kind, name: str, former: Kind) -> None:
    message = "%s %r is not recorded: it is the name of a %s."
    complain("kind", f"{kind.name} {name}", message, kind.name, name, former.name)


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _bounds(name: str, buckets: Sequence[float]) -> Sequence[float]:
    try:
        bounds = [float(bound) for bound in buckets]
        if all(math.isfinite(bound) for bound in bounds) and bounds == sorted(set(bounds)):
            return bounds
    except (TypeError, ValueError, OverflowError):
        pass
    complain("buckets", name, "histogram %r has the default buckets: %r are not ascending numbers.", name, buckets)
    return DEFAULT_HISTOGRAM_BUCKETS


_meter = _Meter(None)


def _follow(provider: Any) -> _Meter:
    """The instruments of a provider that was set since."""
    global _meter
    _meter = meter = _Meter(provider)
    return meter


def measure(
    kind: Kind,
    name: str,
    value: Any,
    unit: str,
    description: str,
    buckets: Sequence[float] | None,
    attributes: Mapping[str, Any],
) -> None:
    """What `counter`, `gauge` and `histogram` do. Never raises."""
    try:
        meter, provider = _meter, get_meter_provider()
        if meter.provider is not provider:
            meter = _follow(provider)
        instrument = meter.instruments.get(name)
        if (
            instrument is None
            or instrument.kind is not kind
            or (unit and unit != instrument.unit)
            or (description and description != instrument.description)
            or (buckets is not instrument.buckets and _differ(buckets, instrument.buckets))
        ):
            instrument = meter.find(kind, name, unit, description, buckets)
            if instrument is None:
                return
        if (type(value) is not int and type(value) is not float) or not instrument.lowest <= value <= _HIGHEST:
            number = _number(value)
            if number is None or not kind.lowest <= number < math.inf:
                what = f"a {type(value).__qualname__}" if number is None else number
                complain("value", name, "%s %r does not record %s.", kind.name, name, what)
                return
            value = number
        if not attributes:
            instrument.record(value, None)
            return
        if not _QUICK.issuperset(map(type, attributes.values())) or "" in attributes:
            attributes = {key: _primitive(item) for key, item in attributes.items() if item is not None and key}
        instrument.record(value, attributes)
    except Exception as error:  # a provider that fails, or what the application gave
        complain("failed", kind.name, "%s %s was not recorded: %s", kind.name, text(name), text(error))


def _differ(buckets: Sequence[float] | None, former: Sequence[float] | None) -> bool:
    """Whether buckets were given which are not those of the first use."""
    return buckets is not DEFAULT_HISTOGRAM_BUCKETS and buckets != former


def _number(value: Any) -> float | None:
    """What numpy's scalars, Decimal, Fraction and bool stand for; None for what is no number."""
    if isinstance(value, (str, bytes, bytearray)):  # float() reads them
        return None
    try:
        number: float = operator.index(value)
    except TypeError:
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            return None
    return number if -_HIGHEST <= number <= _HIGHEST else _float(number)


def _float(number: float) -> float | None:
    try:
        return float(number)
    except OverflowError:
        return None


def _primitive(value: Any) -> Any:
    """What identifies a series: text, a number or a boolean. Each NaN would be one of its own."""
    if type(value) not in _QUICK:
        value = plain(value)
    if type(value) in _QUICK or (type(value) is float and not math.isnan(value)):
        return value
    return text(value)
