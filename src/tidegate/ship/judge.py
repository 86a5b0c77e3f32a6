"""What the leader of a route does: it reads what all processes committed, decides, and writes the verdicts down."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tidegate.errors import QueryError, TidegateError
from tidegate.gate.tail.verdict import COUNT, REASON
from tidegate.ship.frames import Frame
from tidegate.ship.verdicts import VerdictReader
from tidegate.store.follow import SHARED_LOOK_S
from tidegate.store.watermark import Watermark

if TYPE_CHECKING:
    from tidegate.gate.tail.logs import Kept
    from tidegate.gate.tail.verdict import Judged
    from tidegate.ship.plan import Plan
    from tidegate.ship.points import NewestPoints
    from tidegate.ship.verdicts import Verdicts
    from tidegate.store.reader import Reader
    from tidegate.store.tailing import Portion, RowsFollower

#: Seconds after which the places that were read are written down, though nothing was decided.
NOTED_S = 5.0

#: Traces with an error that are remembered where traces are not judged as a whole.
MAX_ERRORS = 10_000


class Judge:
    """Decides on what the processes of a route commit, as ``plan`` says. For one thread.

    ``patterns`` is what the last leader had learnt of them (`LogTail.state`). ``now`` is of a monotonic clock, in
    seconds.
    """

    def __init__(
        self,
        reader: Reader,
        plan: Plan,
        log: Verdicts,
        points: NewestPoints | None = None,
        patterns: Mapping[str, Any] | None = None,
    ) -> None:
        self._log = log
        self.traces, self.logs, self.points = plan.trace_tail(), plan.log_tail(patterns), points
        #: Traces with an error, where nobody judges traces as a whole.
        self._errors: dict[str, None] = {}
        self._brings = self.logs is not None and plan.log_context
        followed = {
            "spans": self.traces is not None or self._brings,
            "logs": self.logs is not None,
            "metrics": points is not None,
        }
        standing = log.standing
        #: Spans that the last leader decided on, up to when all that was there is read.
        self._decided = standing.decided().get("spans", {})
        #: By signal, why it cannot be read for now.
        self._unreadable: dict[str, str] = {}
        self._followers: dict[str, RowsFollower] = {}
        for signal, is_followed in followed.items():
            if is_followed:
                # the first one looks at the store each time, and the others at what it has found
                within = SHARED_LOOK_S if self._followers else 0.0
                after = _after(standing.watermarks.get(signal, ""))
                self._followers[signal] = reader.rows_follower(
                    signal,  # type: ignore[arg-type]
                    route=plan.route.id,
                    after=after,
                    within=within,
                )
        self._counted: Counter[str] = Counter()
        self._log_time = 0.0
        self._noted_at = 0.0
        self._noted = dict(standing.watermarks)
        #: What is begun, and what could not be written yet.
        self._begun: Frame | None = None
        self._waiting: Frame | None = None
        self._recall(reader)

    def _recall(self, reader: Reader) -> None:
        """Let what comes late follow what the last leader decided on its trace."""
        if self.traces is None or not self._is_gated or not isinstance(self._log, VerdictReader):
            return
        from tidegate.ship.recalling import recalled

        # without it, such spans are judged by themselves
        with contextlib.suppress(OSError, TidegateError):
            self.traces.recall(recalled(reader, self._log, time.time_ns()), time.monotonic())

    @property
    def pending(self) -> bool:
        """Whether more is known to wait in the store than was read, and can be read at once."""
        return any(follower.pending for signal, follower in self._followers.items() if signal not in self._unreadable)

    @property
    def problem(self) -> str:
        """Why some signal cannot be read for now."""
        return next(iter(self._unreadable.values()), "")

    @property
    def undecided(self) -> int:
        """Traces on which there is no verdict yet."""
        return self.traces.pending if self.traces is not None else 0

    def unread(self) -> set[str]:
        """The segments that have rows which no verdict is about."""
        found = set(self.traces.undecided()) if self.traces is not None else set()
        return found.union(*(follower.waiting for follower in self._followers.values()))

    def look(self, now: float, *, last: bool = False, last_points: bool = False) -> set[str]:
        """Read a portion, decide what is due, and write it down; with ``last``, on all traces that there are, and with
        ``last_points`` about all points.

        The signals of which something was decided that is to be sent. Raises OSError when it could not be written: it
        is kept, and written with the next look, before anything more is read.
        """
        news = set[str]()
        if self._waiting is not None:
            news |= self._waiting.signals
            self._append(self._waiting)
        # one that is there was left behind by an error: what it says, nobody would decide again
        frame = self._begun = self._begun or Frame(time.time_ns())
        marks = _Marks(frame.marks)
        self._read(frame, marks, now)
        if self.traces is not None:
            for judged in self.traces.judge(now, last=last):
                if judged.keep:
                    self._take(judged, frame, marks)
        if self.points is not None:
            frame.metrics = self.points.due(time.time(), last=last_points)
        self._count(frame)
        self._begun = None
        news |= frame.signals
        if news or frame.dropped or frame.counts or frame.ledger or now - self._noted_at >= NOTED_S:
            self._note(frame, now)
        return news

    def apply(self, plan: Plan) -> None:
        """Judge by the policy in force from now on. Raises ValueError or ConfigurationError where it cannot be used."""
        if self.traces is not None:
            self.traces.apply(plan.trace_policy)
        if self.logs is not None:
            self.logs.apply(plan.log_policy)

    # -- what comes in

    def _read(self, frame: Frame, marks: _Marks, now: float) -> None:
        if "spans" in self._followers:
            for portion in self._poll("spans"):
                self._see_spans(portion, frame, marks, now)
            if not self._followers["spans"].pending:
                self._decided = {}
        if self.logs is not None:
            portions = self._poll("logs")
            times = [portion.rows.times[row] for portion in portions for row in portion.picked[-1:]]
            # what is read late waits as long as what is read at once
            self._log_time = min(max([self._log_time, *(at / 1e9 for at in times)]), time.time())
            self._keep(self.logs.judge(portions, time.time(), self._is_kept_error), frame, marks)
        if self.points is not None:
            for portion in self._poll("metrics"):
                self.points.see(portion)

    def _poll(self, signal: str) -> list[Portion]:
        """What has come; nothing this time where it cannot be read: the other signals are judged all the same."""
        try:
            found = self._followers[signal].poll()
        except (OSError, TidegateError) as error:
            self._unreadable[signal] = f"{signal} cannot be read for now: {error}"
            return []
        self._unreadable.pop(signal, None)
        return found

    def _see_spans(self, portion: Portion, frame: Frame, marks: _Marks, now: float) -> None:
        rows: Any = portion.rows
        picked = self._fresh(portion)
        if self.traces is not None and picked:
            self.traces.see(rows, picked, now)
        if self._brings and not self._is_gated and 2 in rows.status:
            for trace_id in {rows.trace_ids[row] for row in picked if rows.is_error(row)}:
                self._bring(trace_id, frame, marks)

    @property
    def _is_gated(self) -> bool:
        return self.traces is not None and self.traces.mode == "gated"

    def _is_kept_error(self, trace_id: str) -> bool:
        if self._is_gated:
            return self.traces is not None and self.traces.is_kept_error(trace_id)
        return trace_id in self._errors

    def _bring(self, trace_id: str, frame: Frame, marks: _Marks) -> None:
        """The log records of a trace with an error."""
        if not self._is_gated:
            if len(self._errors) >= MAX_ERRORS:
                del self._errors[next(iter(self._errors))]
            self._errors[trace_id] = None
        if self.logs is not None:
            self._keep(self.logs.release(trace_id, self._log_time), frame, marks)

    def _fresh(self, portion: Portion) -> Sequence[int]:
        """The rows that nobody has decided on before a crash."""
        if not self._decided:
            return portion.picked
        places = portion.rows.places
        return [row for row in portion.picked if not _is_in(places[row], self._decided)]

    # -- what is decided

    def _take(self, judged: Judged, frame: Frame, marks: _Marks) -> None:
        attributes: tuple[tuple[str, Any], ...] = ((REASON, judged.reason),) if judged.reason else ()
        if not judged.counts:
            attributes += ((COUNT, 0.0),)
        mark = marks.place(judged.threshold, attributes)
        for segment, sequence in judged.spans:
            frame.spans.setdefault(segment, []).append((sequence, mark))
        if self._brings and judged.error:
            self._bring(judged.trace_id, frame, marks)

    def _keep(self, kept: Kept, frame: Frame, marks: _Marks) -> None:
        for segment, rows in kept.items():
            into = frame.logs.setdefault(segment, [])
            into += [(sequence, marks.place(None, mark)) for sequence, mark in rows]

    def _count(self, frame: Frame) -> None:
        if self.traces is not None:
            now = Counter(self.traces.counts)
            for name, count in (now - self._counted).items():
                verdict, _, reason = name.partition("_")
                if verdict in ("kept", "dropped"):
                    frame.counts.setdefault(verdict, {}).setdefault("traces", {})[reason] = count
            self._counted = now
        if self.logs is not None:
            for verdict, reasons in self.logs.take_reasons().items():
                if reasons:
                    frame.counts.setdefault(verdict, {})["logs"] = reasons
            frame.ledger = [counts] if (counts := self.logs.take_counts()) else []

    def _note(self, frame: Frame, now: float) -> None:
        undecided = self.traces.undecided() if self.traces is not None else {}
        for signal, follower in self._followers.items():
            if signal != "metrics" or frame.metrics:
                frame.watermarks[signal] = follower.watermark(undecided if signal == "spans" else {}).text()
        self._noted_at = now
        says_nothing = not any((frame.spans, frame.logs, frame.metrics, frame.dropped, frame.counts, frame.ledger))
        if says_nothing and {**self._noted, **frame.watermarks} == self._noted:
            return
        self._noted.update(frame.watermarks)
        self._append(frame)

    def _append(self, frame: Frame) -> None:
        self._waiting = frame
        self._log.append(frame)
        self._waiting = None


class _Marks:
    """Each different mark of a frame once, in the frame's list."""

    def __init__(self, into: list[Any]) -> None:
        self._into = into
        self._places: dict[Any, int] = {}

    def place(self, threshold: int | None, attributes: tuple[tuple[str, Any], ...]) -> int:
        key = (threshold, attributes)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = len(self._into)
            self._into.append([threshold, [list(each) for each in attributes], False])
        return found


def _is_in(place: tuple[str, int], decided: Mapping[str, set[int]]) -> bool:
    return place[1] in decided.get(place[0], ())


def _after(text: str) -> Watermark:
    """Where judging goes on; at the beginning of the store when there is nothing to go on from."""
    try:
        return Watermark.parse(text) if text else Watermark()
    except QueryError:
        return Watermark()
