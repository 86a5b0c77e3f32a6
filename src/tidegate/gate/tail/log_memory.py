"""What the gate has learnt of patterns, for the next process that decides: it goes on where this one was.

The gate's time is the records' own, so that moments mean the same in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.gate.logs.frequency import Frequency
from tidegate.gate.logs.gate import LogGate
from tidegate.gate.logs.known import Known
from tidegate.gate.tail.log_counts import sound
from tidegate.patterns import Miner, saving

_FREQUENCY = ("born", "last", "short", "long", "short_squares", "long_squares")


def dump(miner: Miner, gate: LogGate) -> dict[str, Any]:
    """As JSON can carry it."""
    known = [_known(known) for known in list(gate.memory.known.values())]
    return {"miner": saving.dump(miner), "learnt": gate.learnt if known else 0.0, "known": known}


def _known(known: Known) -> list[Any]:
    frequency = known.watch.frequency
    sights = [[sound(logger), sight.due] for logger, sight in known.sights.items() if sight.kept]
    return [known.id, known.kept, [getattr(frequency, name) for name in _FREQUENCY], sights]


def restored(state: Mapping[str, Any], gate: LogGate, limits: Mapping[str, Any]) -> Miner:
    """The miner that was dumped, but with other ``limits``; the gate learns again what it knew.

    Raises `ConfigurationError`, KeyError, TypeError or ValueError for what is no state.
    """
    miner = saving.restore(Miner, {**state["miner"], **limits}, "the state of the log gate")
    gate.learnt = float(state["learnt"])
    for id, kept, numbers, sights in state["known"]:
        pattern = miner.resolve(id)
        if pattern is None or pattern.id != id:
            continue
        now = float(numbers[1])
        known = gate.memory.meet(pattern, now)
        known.kept, known.watch.frequency = bool(kept), _frequency(numbers)
        known.turn, known.until = 1, now
        for logger, due in sights:
            sight = known.sight(str(logger))
            sight.kept, sight.due = True, float(due)
    return miner


def _frequency(numbers: list[float]) -> Frequency:
    frequency = Frequency(0.0)
    for name, number in zip(_FREQUENCY, numbers, strict=True):
        setattr(frequency, name, float(number))
    return frequency
