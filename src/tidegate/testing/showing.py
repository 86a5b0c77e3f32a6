"""What was captured as text for people, and as plain data for snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tidegate.records import Event, Log, Span
from tidegate.store.query import severity_name

#: Longest text of a value, and most lines of a tree.
MAX_VALUE, MAX_LINES = 120, 400

#: What is different from run to run or from place to place, and no part of a snapshot.
UNSTABLE = ("exception.stacktrace", "code.", "thread.", "process.")

#: Attributes of log records that their line shows otherwise, or that fill it.
_HIDDEN = ("exception.", "code.", "thread.", "process.")

Item = Span | Log | Event


def level_of(log: Log) -> str:
    """``INFO``, or whatever its severity number says, else its own word."""
    return severity_name(log.severity_number) if log.severity_number > 0 else log.severity_text or "?"


def tree(spans: Sequence[Span], logs: Sequence[Log]) -> str:
    """The traces, oldest first, each with the events and log records of its spans; then log records outside of them."""
    lines = list(_lines(spans, logs))
    more = len(lines) - MAX_LINES
    return "\n".join([*lines[:MAX_LINES], f"… and {more} more lines"] if more > 0 else lines)


def _lines(spans: Sequence[Span], logs: Sequence[Log]) -> Iterator[str]:
    known = {span.span_id for span in spans}
    below: dict[str, list[Item]] = {}
    roots: list[Item] = []
    items: list[Span | Log] = [*spans, *logs]
    for each in sorted(items, key=_time):
        above = each.parent_span_id if isinstance(each, Span) else each.span_id
        (below.setdefault(above, []) if above in known else roots).append(each)
    for root in roots:
        yield from _branch(root, below, "", "")


def _branch(item: Item, below: Mapping[str, list[Item]], head: str, rest: str) -> Iterator[str]:
    yield head + _line(item)
    if not isinstance(item, Span):
        return
    inside: list[Item] = [*below.get(item.span_id, ()), *item.events]
    parts = sorted(inside, key=_time)
    for place, part in enumerate(parts, 1):
        last = place == len(parts)
        yield from _branch(part, below, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _time(item: Item) -> int:
    if isinstance(item, Span):
        return item.start_time_unix_nano
    return item.time_unix_nano or getattr(item, "observed_time_unix_nano", 0)


def _line(item: Item) -> str:
    if isinstance(item, Span):
        parts = [item.name, "" if item.kind == "INTERNAL" else item.kind, _attributes(item.attributes)]
        if item.is_error:
            parts.append("ERROR" + (f": {_short(item.status_message)}" if item.status_message else ""))
    elif isinstance(item, Log):
        parts = [
            level_of(item) if item.severity_number else "◦",
            item.event_name,
            _short(item.body if item.body is not None else ""),
        ]
        parts += [_error(item.attributes), _attributes(item.attributes, _HIDDEN)]
    else:
        parts = [f"◦ {item.name}", _error(item.attributes), _attributes(item.attributes, _HIDDEN)]
    return "  ".join(filter(None, parts))


def _error(attributes: Mapping[str, Any]) -> str:
    kind = attributes.get("exception.type")
    return f"{kind}: {_short(attributes.get('exception.message', ''))}" if kind else ""


def _attributes(attributes: Mapping[str, Any], hidden: tuple[str, ...] = ()) -> str:
    return " ".join(
        f"{name}={_short(value)}" for name, value in attributes.items() if not name.startswith(hidden or " ")
    )


def _short(value: Any) -> str:
    """One line of text, harmless to a terminal."""
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def snapshot(
    spans: Sequence[Span], logs: Sequence[Log], ignore: Iterable[str], *, is_deterministic: bool
) -> dict[str, list[dict[str, Any]]]:
    """Plain data of both; ids and times only where they are determined."""
    names = {span.span_id: span.name for span in spans}
    hidden = (*UNSTABLE, *ignore)

    def kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {name: attributes[name] for name in sorted(attributes) if not name.startswith(hidden)}

    def event(each: Event) -> dict[str, Any]:
        exact = {"time_unix_nano": each.time_unix_nano} if is_deterministic else {}
        return {"name": each.name, "attributes": kept(each.attributes), **exact}

    def of_span(span: Span) -> dict[str, Any]:
        exact = {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "start_time_unix_nano": span.start_time_unix_nano,
            "end_time_unix_nano": span.end_time_unix_nano,
        }
        return {
            "name": span.name,
            "kind": span.kind,
            "parent": names.get(span.parent_span_id),
            "status": span.status_code,
            "attributes": kept(span.attributes),
            "events": [event(each) for each in span.events],
            **(exact if is_deterministic else {}),
        }

    def of_log(log: Log) -> dict[str, Any]:
        exact = {"trace_id": log.trace_id, "span_id": log.span_id, "time_unix_nano": log.time_unix_nano}
        return {
            "level": level_of(log),
            "body": log.body,
            "event_name": log.event_name,
            "span": names.get(log.span_id),
            "attributes": kept(log.attributes),
            **(exact if is_deterministic else {}),
        }

    return {"spans": [of_span(span) for span in spans], "logs": [of_log(log) for log in logs]}
