"""What was captured, and the questions of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tidegate.record.capture import severity
from tidegate.records import Event, Log, Point, Span, Trace
from tidegate.store.query import parse_severity, severity_name
from tidegate.testing import showing
from tidegate.testing.conditions import Like, described, have, is_like, named_like, near
from tidegate.testing.keeping import Kept
from tidegate.testing.measured import newest, together

T = TypeVar("T")

Attributes = Mapping[str, Any] | None


class Telemetry:
    """What was captured so far, as `tidegate.records` has it; made by `capture`.

    Questions with a plural give a list of what matches, the oldest first. Those with a singular give the one that
    matches, and raise AssertionError, with what there is instead, when there is none or several. What is asked for: a
    **name** or text that is equal, a regular expression (``re.compile``) that is found in it, or a function of it;
    **attributes** as keyword arguments, or in a mapping where a name has dots. A value is equal, of a type
    (``order_id=int``), found by a regular expression, true of a function, or approximate (``pytest.approx``); ``...``
    is any value, and None is none at all.

    >>> from tidegate.testing import capture
    >>> import logging
    >>> with capture() as telemetry:
    ...     logging.getLogger("shop").warning("%d left", 3, extra={"sku": "A1"})
    >>> telemetry.log("%d left", sku="A1").body
    '3 left'
    >>> telemetry.spans()
    []
    """

    def __init__(self, kept: Kept, collect: Callable[[], None], *, is_deterministic: bool) -> None:
        self._kept, self._collect = kept, collect
        self._is_deterministic = is_deterministic

    @property
    def lost(self) -> int:
        """Records that are not here: more than a capture keeps, or of a kind that no store can hold."""
        self._kept.commit()
        return self._kept.lost

    def spans(
        self,
        name: Like = None,
        attributes: Attributes = None,
        /,
        *,
        error: Any = None,
        kind: Any = None,
        **more: Any,
    ) -> list[Span]:
        """Spans that have ended, by their start.

        ``error``: whether there was one (True, False), or which: a part of the status's description, a regular
        expression for that, or the type of the exception that was recorded. ``kind``: ``"SERVER"`` or a ``SpanKind``.
        """
        wanted = {**(attributes or {}), **more}
        kind = getattr(kind, "name", kind)
        return [
            span
            for span in self._spans()
            if named_like(name, span.name)
            and (kind is None or span.kind == str(kind).upper())
            and (error is None or _has_error(span, error))
            and have(span.attributes, wanted)
        ]

    def span(
        self, name: Like = None, attributes: Attributes = None, /, *, error: Any = None, kind: Any = None, **more: Any
    ) -> Span:
        """The one span; see `spans`."""
        __tracebackhide__ = True
        found = self.spans(name, attributes, error=error, kind=kind, **more)
        wanted = {**(attributes or {}), **more}
        question = described("span", name, attributes=wanted, error=error, kind=kind)
        return self._one(found, question, near(name, [span.name for span in self._spans()]))

    def logs(
        self, text: Like = None, attributes: Attributes = None, /, *, level: Any = None, event: Like = None, **more: Any
    ) -> list[Log]:
        """Log records, by their time. ``text`` is the message, with its arguments or without (``"%d left"``).

        ``level``: a name such as ``"error"``, or a level of the standard library. ``event``: the event's name.
        """
        wanted, level = {**(attributes or {}), **more}, _severity(level)
        return [
            log
            for log in self._logs()
            if named_like(text, log.body, log.template)
            and (level is None or showing.level_of(log) == level)
            and named_like(event, log.event_name)
            and have(log.attributes, wanted)
        ]

    def log(
        self, text: Like = None, attributes: Attributes = None, /, *, level: Any = None, event: Like = None, **more: Any
    ) -> Log:
        """The one log record; see `logs`."""
        __tracebackhide__ = True
        found = self.logs(text, attributes, level=level, event=event, **more)
        wanted = {**(attributes or {}), **more}
        question = described("log record", text, attributes=wanted, level=level, event=event)
        texts = [text for log in self._logs() for text in (str(log.body), log.template)]
        return self._one(found, question, near(text, texts))

    def events(self, name: Like = None, attributes: Attributes = None, /, **more: Any) -> list[Log | Event]:
        """Events: log records with an event's name, by their time, and then what was added to spans."""
        wanted = {**(attributes or {}), **more}
        logged = [log for log in self._logs() if log.event_name and named_like(name, log.event_name)]
        added = [event for span in self._spans() for event in span.events if named_like(name, event.name)]
        found: list[Log | Event] = [*logged, *added]
        return [each for each in found if have(each.attributes, wanted)]

    def event(self, name: Like = None, attributes: Attributes = None, /, **more: Any) -> Log | Event:
        """The one event; see `events`."""
        __tracebackhide__ = True
        found = self.events(name, attributes, **more)
        names = [each.event_name if isinstance(each, Log) else each.name for each in self.events()]
        question = described("event", name, attributes={**(attributes or {}), **more})
        return self._one(found, question, near(name, names))

    def metrics(self, name: Like = None, attributes: Attributes = None, /, **more: Any) -> list[Point]:
        """The newest point of each series that was measured within the block; of observable instruments, what they tell
        now, and counters among them, by how much they have grown."""
        wanted = {**(attributes or {}), **more}
        return [
            point for point in self._points() if named_like(name, point.metric.name) and have(point.attributes, wanted)
        ]

    def metric(self, name: Like, attributes: Attributes = None, /, **more: Any) -> Any:
        """What was measured within the block: a counter's sum or a gauge's last value, a number; of a histogram, the
        `Distribution`.

        Several series are added up, unless they are gauges; then there must be one.
        """
        __tracebackhide__ = True
        found = self.metrics(name, attributes, **more)
        value = together(found) if found else None
        if value is None:
            question = described("metric", name, attributes={**(attributes or {}), **more})
            names = [point.metric.name for point in self._points()]
            raise AssertionError(_said(question, len(found), near(name, names), self._measured()))
        return value

    # --- what belongs together

    def parent(self, item: Span | Log | str) -> Span | None:
        """The span around a span (or the one of that name), or in which a log record was made; None outside of all."""
        __tracebackhide__ = True
        below = self._item(item)
        id = below.parent_span_id if isinstance(below, Span) else below.span_id
        return next((span for span in self._spans() if (span.trace_id, span.span_id) == (below.trace_id, id)), None)

    def children(self, span: Span | str) -> list[Span]:
        """The spans right below a span (or the one of that name)."""
        __tracebackhide__ = True
        above = self._item(span)
        return [
            each for each in self._spans() if (each.trace_id, each.parent_span_id) == (above.trace_id, above.span_id)
        ]

    def trace(self, item: Span | Log | str) -> Trace:
        """All spans and log records of the trace of this one (or of the span of that name)."""
        __tracebackhide__ = True
        id = self._item(item).trace_id
        spans = [span for span in self._spans() if span.trace_id == id]
        return Trace(id, spans, [log for log in self._logs() if log.trace_id == id])

    def _item(self, item: Any) -> Any:
        __tracebackhide__ = True
        return self.span(item) if isinstance(item, str) else item

    # --- assertions

    def assert_parent(self, child: Span | Log | str, parent: Span | str) -> None:
        """The one is right below the other."""
        __tracebackhide__ = True
        below, above = self._item(child), self._item(parent)
        found = self.parent(below)
        if found is None or (found.trace_id, found.span_id) != (above.trace_id, above.span_id):
            what = below.name if isinstance(below, Span) else below.body
            raise AssertionError(self._with_tree(f"{above.name!r} is not the parent of {what!r}, {_instead(found)}"))

    def assert_no_errors(self) -> None:
        """No span has the status ERROR, and no log record the severity ERROR or above."""
        __tracebackhide__ = True
        found = [f"span {span.name!r}: {span.status_message}" for span in self._spans() if span.is_error]
        found += [f"{showing.level_of(log)} {log.body}" for log in self._logs() if log.is_error]
        if found:
            raise AssertionError(self._with_tree(f"{_counted(len(found), 'error')}: {'; '.join(found)}"))

    def assert_no_secrets(self) -> None:
        """Redaction, by the settings in force, has found nothing to hide in what was captured. What it finds is told by
        its place, never by its value."""
        __tracebackhide__ = True
        self._collect()
        self._kept.commit()
        found = list(self._kept.finds)
        if found:
            raise AssertionError(f"{_counted(len(found), 'secret')} in telemetry:\n" + "\n".join(map(str, found)))

    # --- views

    def tree(self) -> str:
        """The traces as text: spans, the log records and events in them; without ids, times and durations."""
        return showing.tree(self._spans(), self._logs())

    def snapshot(self, *, ignore: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
        """Spans and log records as plain data for JSON and snapshot tools, the same from run to run.

        Attributes are sorted; left out are those that begin with one of ``ignore``, stack traces, and what tells code,
        thread and process. Ids and times are there if the capture is deterministic; measurements are not.
        """
        return showing.snapshot(self._spans(), self._logs(), ignore, is_deterministic=self._is_deterministic)

    # --- reading

    def _spans(self) -> list[Span]:
        self._kept.commit()
        return list(self._kept.reader.spans(order="oldest"))

    def _logs(self) -> list[Log]:
        self._kept.commit()
        return list(self._kept.reader.logs(order="oldest"))

    def _points(self) -> list[Point]:
        self._collect()
        self._kept.commit()
        return newest(self._kept.reader.metrics(order="oldest"))

    # --- words

    def _one(self, found: Sequence[T], question: str, close: Sequence[str]) -> T:
        __tracebackhide__ = True
        if len(found) == 1:
            return found[0]
        raise AssertionError(self._with_tree(_said(question, len(found), close)))

    def _with_tree(self, said: str) -> str:
        unended = list(dict.fromkeys(self._kept.unended.values()))
        if unended:
            said += f"\nNot ended: {', '.join(map(repr, unended))}."
        return f"{said}\n{self.tree() or 'No span has ended, and nothing was logged.'}"

    def _measured(self) -> str:
        lines = [f"{point.metric.name}  {point.metric.type}  {dict(point.attributes)}" for point in self._points()]
        return "\n".join(lines) or "Nothing was measured."


def _said(question: str, number: int, close: Sequence[str], details: str = "") -> str:
    said = f"there is no {question}" if not number else f"there are {number} for: {question}"
    if close and not number:
        said += f"; there is {', '.join(map(repr, close))}"
    return f"{said}.\n{details}" if details else f"{said}."


def _instead(found: Span | None) -> str:
    return "which has none." if found is None else f"but {found.name!r}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _has_error(span: Span, error: Any) -> bool:
    if isinstance(error, bool):
        return span.is_error is error
    if isinstance(error, type):
        names = {error.__qualname__, f"{error.__module__}.{error.__qualname__}"}
        return any(event.attributes.get("exception.type") in names for event in span.events)
    if isinstance(error, str):
        return span.is_error and error in span.status_message
    return span.is_error and is_like(error, span.status_message)


def _severity(level: Any) -> str | None:
    """The name of OpenTelemetry's severity; raises `QueryError` where there is none of that name."""
    if level is None:
        return None
    return severity_name(severity(level).value if isinstance(level, int) else parse_severity(level))
