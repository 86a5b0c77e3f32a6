"""A trace for people: a tree with a time bar for every span, its events and log records under it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tidegate.cli.lines import exception_summary, message_lines
from tidegate.cli.output import Terminal
from tidegate.cli.walk import Row, walk
from tidegate.format import HIDDEN, clock, duration, level, level_style, pairs, service_style
from tidegate.records import Event, Log, Span, Trace
from tidegate.safe import safe

_LONGEST_LABEL = 60
_LONGEST_BAR = 60
_SHORTEST_BAR = 12
_DURATION = 9


def show(terminal: Terminal, trace: Trace, *, attributes: bool = False) -> None:
    """Print the trace; ``attributes`` adds those of every span."""
    rows = list(walk(trace))
    for line in _summary(trace):
        terminal.show(line)
    label, bar = _widths(terminal, rows)
    for row in rows:
        if isinstance(row.item, Span):
            text = _label(row, row.item)
            if terminal.is_terminal:
                text.truncate(label, overflow="ellipsis")
            text.pad_right(max(0, label - text.cell_len))
            text.append(f"  {duration(row.item.duration_ns):>{_DURATION}}  ", "red" if row.item.is_error else "")
            terminal.show(text.append_text(_bar(trace, row.item, bar)))
        for line in _below(trace, row, attributes=attributes):
            terminal.cut(line)


def _summary(trace: Trace) -> Iterator[Text]:
    root = trace.root
    yield Text.assemble(("trace ", "dim"), (safe(trace.trace_id), "bold"))
    line = Text().append(f"{clock(trace.start_time_unix_nano)}  ", "dim").append(f"{duration(trace.duration_ns)}  ")
    line.append(_counted(len(trace.spans), "span"))
    line.append(f", {_counted(len(trace.logs), 'log record')}")
    if trace.error_count:
        line.append(f", {_counted(trace.error_count, 'error')}", "bold red")
    for name in dict.fromkeys([root.service, *trace.services]):
        line.append(f"  {safe(name)}", service_style(name))
    yield line
    yield Text()


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _widths(terminal: Terminal, rows: list[Row]) -> tuple[int, int]:
    """Cells for the labels and for the bars, so that both fit the terminal."""
    longest = max(_label(row, row.item).cell_len for row in rows if isinstance(row.item, Span))
    if not terminal.is_terminal:
        return min(longest, _LONGEST_LABEL), _LONGEST_BAR
    room = terminal.width - _DURATION - 4
    label = max(10, min(longest, room - _SHORTEST_BAR, max(_LONGEST_LABEL, room // 2)))
    return label, max(1, min(room - label, _LONGEST_BAR))


def _label(row: Row, span: Span) -> Text:
    text = Text().append(row.guides, "dim")
    text.append(safe(span.name), "bold red" if span.is_error else "bold")
    if row.parent is None or row.parent.service != span.service:
        text.append(f"  {safe(span.service)}", service_style(span.service))
    if row.parent is None and span.parent_span_id and not span.parent_is_remote:
        text.append("  (its parent is not stored)", "dim")
    return text


def _bar(trace: Trace, span: Span, width: int) -> Text:
    """The span's share of the trace's time, to half a cell."""
    origin, whole = trace.start_time_unix_nano, max(1, trace.duration_ns)
    halves = 2 * width
    start = min(halves - 1, (span.start_time_unix_nano - origin) * halves // whole)
    end = max(start + 1, min(halves, -(-(span.end_time_unix_nano - origin) * halves // whole)))
    cells = []
    for cell in range(0, halves, 2):
        left, right = start <= cell < end, start <= cell + 1 < end
        cells.append("━" if left and right else "╸" if left else "╺" if right else " ")
    return Text("".join(cells).rstrip(), "red" if span.is_error else service_style(span.service))


def _below(trace: Trace, row: Row, *, attributes: bool) -> Iterator[Text]:
    item = row.item
    if isinstance(item, Log):
        yield _log(trace, row, item)
    elif isinstance(item, Event):
        yield _event(trace, row, item)
    else:
        message = safe(item.status_message)
        # the SDK's message of an exception is the event's, without the module of its type
        if message and not any(exception_summary(event.attributes).endswith(message) for event in item.events):
            yield Text.assemble((row.inside, "dim"), (message, "red"))
        if attributes and item.attributes:
            yield Text(row.inside + pairs(item.attributes), "dim")


def _log(trace: Trace, row: Row, log: Log) -> Text:
    name = level(log.severity_number, log.severity_text)
    first, *more = message_lines(log)
    text = _offset(trace, row, log.time_unix_nano)
    text.append(f"{name:5} ", level_style(name))
    text.append(first, "red" if log.is_error else "")
    if summary := exception_summary(log.attributes):
        text.append(f"  {summary}", "red")
    text.append(f"  (+{_counted(len(more), 'line')})" if more else "", "dim")
    shown = pairs(log.attributes, hide=HIDDEN)
    return text.append(f"  {shown}" if shown else "", "dim")


def _event(trace: Trace, row: Row, event: Event) -> Text:
    text = _offset(trace, row, event.time_unix_nano)
    if summary := exception_summary(event.attributes):
        return text.append(f"✗ {summary}", "red")
    text.append(f"◦ {safe(event.name)}")
    shown = pairs(event.attributes)
    return text.append(f"  {shown}" if shown else "", "dim")


def _offset(trace: Trace, row: Row, nanoseconds: int) -> Text:
    return Text().append(f"{row.guides}+{duration(nanoseconds - trace.start_time_unix_nano)}  ", "dim")
