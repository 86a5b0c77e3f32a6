"""What the gate says of a span that is sent: a threshold in its trace state, and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING, Any

from tidegate.gate.traces.tracestate import KEY, MAX_MEMBERS, NOTHING, parse, with_threshold
from tidegate.ship.wire.values import Attributes, none_has

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark


#: Trace states that were marked and are remembered; there are as many as thresholds at a time.
REMEMBERED = 4096


def marked_states(states: Sequence[str], marks: Sequence[Mark] | None) -> Iterable[str]:
    """Each row's trace state, with what its mark says."""
    if marks is None:
        return states
    return [
        state if mark.threshold is None and not mark.clear else marked_state(state, mark.threshold)
        for state, mark in zip(states, marks, strict=True)
    ]


@lru_cache(maxsize=REMEMBERED)
def marked_state(state: str, threshold: int | None) -> str:
    """A W3C tracestate with this ``th`` in its ``ot``, which then comes first as W3C asks of what was changed; None
    takes out what was there."""
    if threshold is not None and state in ("", plain := f"{KEY}={with_threshold(threshold, '')}"):
        return plain
    members = [member for member in state.split(",") if member.strip()]
    others = [member for member in members if _key(member) != KEY]
    found = [member.partition("=")[2].strip() for member in members if _key(member) == KEY]
    rest = (parse(found[0]) if found else NOTHING).rest
    value = rest if threshold is None else with_threshold(threshold, rest) or rest
    return ",".join([f"{KEY}={value}", *others][:MAX_MEMBERS] if value else others)


def _key(member: str) -> str:
    return member.partition("=")[0].strip()


def marked_fields(
    fields: Attributes, attributes: Sequence[Mapping[str, Any]], picked: Sequence[int], marks: Sequence[Mark] | None
) -> Iterable[bytes]:
    """Each row's attributes as fields, with those of its mark."""
    if marks is None:
        return fields.of_rows(attributes, picked)
    # few, and shared by the spans of a trace at least
    distinct = {id(mark): dict(mark.attributes) for mark in marks}
    if none_has(attributes, picked, {name for each in distinct.values() for name in each}):
        more = {key: fields.of(each) for key, each in distinct.items()}
        return map(add, fields.of_rows(attributes, picked), [more[id(mark)] for mark in marks])
    return [fields.of({**attributes[row], **distinct[id(mark)]}) for row, mark in zip(picked, marks, strict=True)]
