"""Probabilities as thresholds on 56 random bits, by OpenTelemetry's consistent probability sampling.

Something with randomness R is kept when R >= T. T is the share of 2^56 that is rejected, so the
probability is 1 - T / 2^56 and each kept thing stands for 2^56 / (2^56 - T), its adjusted count.
Whoever judges the same randomness by a higher T keeps a subset.

Format and terms: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

from __future__ import annotations

import re
from math import ceil, frexp

BITS = 56

#: The number of values of the randomness, and the threshold that none of them reaches: nothing is kept.
MAX = 1 << BITS

_MASK = MAX - 1
_HEX_DIGITS = BITS // 4

#: Significant hexadecimal digits of a threshold, which make its probability exact to 1 in 4,000.
PRECISION = 4

_hex_digits = re.compile("[0-9a-fA-F]{1,14}").fullmatch


def randomness(trace_id: int) -> int:
    """The 56 bits of a trace id that W3C Trace Context level 2 wants to be random."""
    return trace_id & _MASK


def probability_to_threshold(p: float) -> int:
    """The threshold that keeps with probability ``p``, in `PRECISION` significant digits.

    It is rounded down, so what is kept is never less than ``p`` says (at most 1/4096 of it more);
    leading digits that are all 0 or all f do not count as significant. Below 2^-56 it is 2^-56,
    the lowest probability there is; 0 or less, and NaN, keep nothing.
    """
    if p >= 1:
        return 0
    if not p > 0:
        return MAX
    threshold = MAX - ceil(p * MAX)
    # a small p has leading digits f, a small 1 - p has leading zeros; each 4 bits are one digit
    digits = PRECISION + -min(frexp(p)[1], frexp(1 - p)[1]) // 4
    if digits >= _HEX_DIGITS:
        return threshold
    shift = (_HEX_DIGITS - digits) * 4
    return threshold >> shift << shift


def threshold_to_probability(threshold: int) -> float:
    """The probability with which something is kept."""
    return (MAX - threshold) / MAX


def adjusted_count(threshold: int) -> float:
    """How many things one that was kept stands for; 0 for `MAX`, by which nothing is kept."""
    return MAX / (MAX - threshold) if threshold < MAX else 0.0


def encode(threshold: int) -> str:
    """The value of ``th``: hexadecimal digits without trailing zeros, ``0`` for certain."""
    return ("%014x" % threshold).rstrip("0") or "0"


def decode(text: str) -> int | None:
    """The threshold of a ``th``, or None when it is not 1 to 14 hexadecimal digits."""
    if _hex_digits(text) is None:
        return None
    return int(text, 16) << 4 * (_HEX_DIGITS - len(text))


def decode_randomness(text: str) -> int | None:
    """The randomness of an ``rv``, or None when it is not 14 hexadecimal digits."""
    return decode(text) if len(text) == _HEX_DIGITS else None
