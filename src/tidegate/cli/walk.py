"""A trace as rows in reading order: each span, and under it what happened in it, by time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.records import Event, Log, Span, Trace


@dataclass(frozen=True, slots=True)
class Row:
    """A span, event or log record with the guides that lead to it (``│  ├─ ``).

    ``parent`` is the span it stands under, None at the top; ``guides`` of what belongs to a span
    without being one are those that run past it.
    """

    item: Span | Event | Log
    guides: str
    parent: Span | None


def walk(trace: Trace) -> Iterator[Row]:
    """Every span and log record of the trace exactly once, whatever its parents say.

    Spans whose parent is not stored stand at the top, as do those whose parents form a circle;
    log records of spans that are not stored come last.
    """
    family = _Family(trace)
    for span in [*family.roots, *trace.spans]:
        yield from family.under(span)
    for logs in family.logs.values():
        yield from (Row(log, "", None) for log in logs)


class _Family:
    """Who belongs under whom; what was handed out is taken away, so nothing comes twice."""

    def __init__(self, trace: Trace) -> None:
        known = {span.span_id for span in trace.spans}
        self.roots = [span for span in trace.spans if span.parent_span_id not in known]
        self.children: dict[str, list[Span]] = defaultdict(list)
        self.logs: dict[str, list[Log]] = defaultdict(list)
        self.seen: set[int] = set()
        for span in trace.spans:
            self.children[span.parent_span_id].append(span)
        for log in trace.logs:
            self.logs[log.span_id].append(log)

    def under(self, top: Span) -> Iterator[Row]:
        """The span and all below it; without recursion, for a trace may be deeper than Python's stack."""
        stack = [Row(top, "", None)]
        while stack:
            row = stack.pop()
            if isinstance(row.item, Span):
                if id(row.item) in self.seen:
                    continue
                self.seen.add(id(row.item))
                stack.extend(reversed(self._within(row.item, row.guides)))
            yield row

    def _within(self, span: Span, guides: str) -> list[Row]:
        children = [child for child in self.children.pop(span.span_id, []) if id(child) not in self.seen]
        items: list[Span | Event | Log] = [*children, *span.events, *self.logs.pop(span.span_id, [])]
        items.sort(key=_time)
        past = guides.replace("├─ ", "│  ").replace("╰─ ", "   ")
        left = len(children)
        rows = []
        for item in items:
            if isinstance(item, Span):
                left -= 1
                branch = "├─ " if left else "╰─ "
            else:
                branch = "│  " if left else "   "
            rows.append(Row(item, past + branch, span))
        return rows


def _time(item: Span | Event | Log) -> int:
    return item.start_time_unix_nano if isinstance(item, Span) else item.time_unix_nano
