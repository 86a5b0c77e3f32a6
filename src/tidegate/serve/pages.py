"""The index, the login, and the description of all endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tidegate import ndjson
from tidegate.serve import encoding
from tidegate.serve.message import HTML, JSON, Problem, Request, Response, answer

if TYPE_CHECKING:
    from tidegate.serve.site import Site

_PAGE = "<!doctype html>\n<html lang=en><meta charset=utf-8>{head}<title>Tidegate</title>\n{body}\n"

_FORM = (
    "<h1>Tidegate</h1><form method=post action='{root}/login'>"
    "<label>Token <input type=password name=token autocomplete=current-password autofocus required></label>"
    " <button>Log in</button></form><p>It is the value of OTEL_PYTHON_TIDEGATE_TOKEN.</p>"
)


def index(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """What there is, as JSON or, for a browser, as links."""
    from tidegate.serve.routes import ROUTES

    if encoding.preferred(request.headers.get("accept", ""), (JSON, "text/html")) == JSON:
        found = answer(ndjson.dumps({"endpoints": {route.path: route.help for route in ROUTES}}))
    else:
        items = "".join(
            f"<li><a href='{_html(request.root)}{route.path}'>{route.path}</a> {route.help}" for route in ROUTES
        )
        found = _page(f"<h1>Tidegate</h1><ul>{items}</ul>")
    found.headers.append(("vary", "Accept"))
    return found


def login(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """A form; a token posted from it, or the code of a login URL, is changed for a cookie."""
    if not site.guard.token:
        raise Problem(404, "no token is needed here, so there is nothing to log in to.")
    if request.method == "POST":
        site.guard.check_origin(request)
        if not site.guard.is_token(_posted(request)):
            raise Problem(403, "this is not the token; it is the value of OTEL_PYTHON_TIDEGATE_TOKEN.")
        return _logged_in(site, request)
    if "code" not in values:
        return _page(_FORM.format(root=_html(request.root)))
    if request.method == "HEAD":
        return _page("")  # a preview must not use it up
    if not site.guard.use_code(values["code"]):
        raise Problem(403, f"this login URL was used, or is too old; log in with the token at {request.root}/login.")
    return _logged_in(site, request)


def _posted(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, f"the content type is {kind[:100]!r}; it must be application/x-www-form-urlencoded.")
    try:
        fields = parse_qs(request.body.decode("ascii"), max_num_fields=8)
    except ValueError:
        raise Problem(400, "the form cannot be read; it must have one field, token.") from None
    return fields.get("token", [""])[0]


def _logged_in(site: Site, request: Request) -> Response:
    """Not a redirection: after one that began at another site, the browser would leave the new cookie out."""
    root = _html(request.root)
    head = f"<meta http-equiv=refresh content='0; url={root}/'>"
    found = _page(f"<p>You are logged in. <a href='{root}/'>Go on.</a></p>", head)
    found.headers.append(("set-cookie", site.guard.cookie(request)))
    return found


def openapi(site: Site, request: Request, values: dict[str, Any]) -> Response:
    from tidegate.serve.openapi import describe

    return answer(ndjson.dumps(describe(request.root)))


def _page(body: str, head: str = "") -> Response:
    return answer(_PAGE.format(head=head, body=body).encode(), HTML)


def _html(text: str) -> str:
    import html

    return html.escape(text, quote=True)
