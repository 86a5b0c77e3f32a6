"""Endpoints that say how the process is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate import ndjson
from tidegate.serve.message import Request, Response, answer

if TYPE_CHECKING:
    from tidegate.serve.site import Site

#: Statuses with which a process is fit for work.
_FIT = ("healthy", "degraded")


def full(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """The status, with its components for who may see them."""
    report = site.report().to_dict()
    if not site.may_see_details(request):
        report = {"status": report["status"]}
    return answer(ndjson.dumps(report), status=200 if report["status"] in _FIT else 503)


ready = full


def live(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """That there is an answer is the answer."""
    return answer(ndjson.dumps({"status": "healthy"}))
