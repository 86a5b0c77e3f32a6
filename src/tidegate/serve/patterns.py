"""Endpoints that answer with patterns of log messages: all of them, or one with its newest records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tidegate import ndjson
from tidegate.serve.message import Problem, Request, Response, answer
from tidegate.serve.records import array, lines

if TYPE_CHECKING:
    from tidegate.serve.site import Site

#: Seconds that an answer may take: all log records of the time that is asked for are gone through.
DEADLINE_S = 30.0

#: Records that one pattern comes with, if nobody says how many, and at most.
EXAMPLES, MOST_EXAMPLES = 5, 1000


def patterns(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return lines(_rows(site, request, values))


def patterns_json(site: Site, request: Request, values: dict[str, Any]) -> Response:
    return array(_rows(site, request, values))


def pattern(site: Site, request: Request, values: dict[str, Any]) -> Response:
    from tidegate.ship import pattern_view

    price, id = values.pop("price", None), values.pop("pattern_id")
    examples = min(values.pop("limit", EXAMPLES), MOST_EXAMPLES)
    found = pattern_view.pattern(site.reader, id, examples=examples, timeout=DEADLINE_S, **values)
    if found is None:
        raise Problem(
            404, f"no pattern begins with {id!r} in this time; {request.base}/patterns lists them, since looks back."
        )
    return answer(ndjson.dumps(found.to_dict(price)))


def _rows(site: Site, request: Request, values: dict[str, Any]) -> Iterator[bytes]:
    if request.method == "HEAD":
        return iter(())
    from tidegate.ship import pattern_view  # what counts and measures is for those who ask

    limit, price = values.pop("limit", None), values.pop("price", None)
    found = pattern_view.patterns(site.reader, timeout=DEADLINE_S, **values)
    return (ndjson.dumps(row.to_dict(price)) for row in found.rows[:limit])
