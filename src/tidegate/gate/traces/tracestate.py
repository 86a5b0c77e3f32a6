"""The ``ot`` member of a W3C tracestate: ``ot=th:c;rv:6e6d1a75832a2f;other:x``.

``th`` is the threshold by which the trace was kept so far, ``rv`` its randomness where that is not
in the trace id; what other sub-keys say is none of our business and stays as it is. Format:
https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
"""

from __future__ import annotations

from typing import NamedTuple

from tidegate.gate.threshold import decode, decode_randomness, encode

#: The member's name, the characters its value may have, and the members that a tracestate may have.
KEY, MAX_LENGTH, MAX_MEMBERS = "ot", 256, 32


class Ot(NamedTuple):
    """What an ``ot`` says. ``threshold`` and ``randomness`` are None when missing or malformed.

    ``rest`` is the value without ``th``, to be passed on: a valid ``rv``, then other sub-keys in order.
    """

    threshold: int | None
    randomness: int | None
    rest: str


NOTHING = Ot(None, None, "")


def parse(value: str) -> Ot:
    """Read the value of an ``ot`` member. Never raises: what is malformed or there twice counts as missing."""
    if not 0 < len(value) <= MAX_LENGTH:
        return NOTHING
    thresholds, values, others = [], [], []
    for member in value.split(";"):
        key, _, text = member.partition(":")
        if key == "th":
            thresholds.append(text)
        elif key == "rv":
            values.append(text)
        elif member:
            others.append(member)
    randomness = decode_randomness(values[0]) if len(values) == 1 else None
    kept = [f"rv:{values[0]}"] if randomness is not None else []
    threshold = decode(thresholds[0]) if len(thresholds) == 1 else None
    return Ot(threshold, randomness, ";".join(kept + others))


def with_threshold(threshold: int, rest: str) -> str | None:
    """The value with ``th``, or None when other sub-keys leave no room for it."""
    value = f"th:{encode(threshold)};{rest}" if rest else f"th:{encode(threshold)}"
    return value if len(value) <= MAX_LENGTH else None
