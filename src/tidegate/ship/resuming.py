"""Where a new leader goes on with differences of totals: at what the log says a destination was sent last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.ship.frames import Position, Row
from tidegate.ship.wire import Picked

if TYPE_CHECKING:
    from tidegate.ship.cursors import Cursor
    from tidegate.ship.destinations import Destination
    from tidegate.ship.verdicts import Verdicts
    from tidegate.store.reader import Reader


def resume(destination: Destination, cursor: Cursor, log: Verdicts, reader: Reader) -> None:
    """Tell a destination that prefers deltas what it has. One that is new to the route has nothing.

    A series that the log does not speak of, and that is older than what it does speak of, may have been sent: its first
    point only says what later ones are compared with. Raises what the log and the reader raise.
    """
    if not destination.prefers_deltas:
        return
    if not cursor.place.counts.get("sent"):
        destination.sends_all_since(0)
        return
    last: dict[str, list[int]] = {}
    first = 0
    for moment, rows, is_whole in _sent(cursor, log):
        first = first or moment
        # a process collects all its series at once
        for segment in {each[0] for each in rows} if is_whole else ():
            last.pop(segment, None)
        for segment, sequence, _ in rows:
            last.setdefault(segment, []).append(sequence)
    destination.sends_all_since(first or time.time_ns())
    portions = [Picked(each.rows, each.picked) for each in reader.rows_at("metrics", last)]
    destination.had(sorted(portions, key=lambda each: each.rows.times[each.picked[0]]))


def _sent(cursor: Cursor, log: Verdicts) -> Iterator[tuple[int, list[Row], bool]]:
    """As far back as the log goes, the points of each frame that were sent: when they were chosen, and whether all."""
    for entry in log.read(Position()):
        if entry.start > cursor.position:
            return
        if entry.index.rows.get("metrics"):
            is_whole = entry.start != cursor.position
            rows = entry.frame.rows("metrics")[: None if is_whole else cursor.place.done]
            if rows:
                yield entry.frame.time, rows, is_whole
