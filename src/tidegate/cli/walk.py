"""A trace as rows in reading order: each span, and under it what happened in it, by time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.records import Event, Log, Span, Trace

Item = Span | Event | Log


@dataclass(frozen=True, slots=True)
class Row:
    """A span, event or log record with the guides that lead to it (``│  ├─ ``).

    ``inside`` are the guides of further lines about the same item; ``parent`` is the span it stands
    under, None at the top.
    """

    item: Item
    guides: str
    inside: str
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
        yield from (Row(log, "", "", None) for log in logs)


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
        stack: list[tuple[Item, str, str, Span | None]] = [(top, "", "", None)]
        while stack:
            item, guides, past, parent = stack.pop()
            if not isinstance(item, Span):
                yield Row(item, guides, past, parent)
            elif id(item) not in self.seen:
                self.seen.add(id(item))
                children = self.children.pop(item.span_id, [])
                yield Row(item, guides, past + ("│  " if children else "   "), parent)
                stack.extend(reversed(list(self._within(item, children, past))))

    def _within(self, span: Span, children: list[Span], past: str) -> Iterator[tuple[Item, str, str, Span]]:
        items: list[Item] = [*children, *span.events, *self.logs.pop(span.span_id, [])]
        left = len(children)
        for item in sorted(items, key=_time):
            left -= isinstance(item, Span)
            beside = past + ("│  " if left else "   ")
            branch = past + ("├─ " if left else "╰─ ")
            yield item, branch if isinstance(item, Span) else beside, beside, span


def _time(item: Item) -> int:
    return item.start_time_unix_nano if isinstance(item, Span) else item.time_unix_nano
