"""The index, the login, and the description of all endpoints."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tidegate import ndjson
from tidegate.serve import encoding
from tidegate.serve.message import HTML, JSON, MAX_BODY, Problem, Request, Response, answer

if TYPE_CHECKING:
    from tidegate.serve.site import Site

_PAGE = "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Tidegate</title>\n<h1>Tidegate</h1>\n{}\n"

_FORM = '<p>{said}</p><form method=post action="{base}/login">{field} <button>Log in</button></form>'
_FIELD = "<label>Token <input type=password name=token autocomplete=current-password autofocus required></label>"
_CODE = '<input type=hidden name=code value="{}">'

#: What the form can have: one of these.
FIELDS = ("token", "code")

_ASKED = "The token is the value of OTEL_PYTHON_TIDEGATE_TOKEN."


def index(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """What there is, as JSON or, for a browser, as links."""
    from tidegate.serve.routes import ROUTES

    if encoding.preferred(request.headers.get("accept", ""), (JSON, "text/html")) == JSON:
        found = answer(ndjson.dumps({"endpoints": {route.path: route.help for route in ROUTES}}))
    else:
        base = escape(request.base)
        items = "".join(f'<li><a href="{base}{route.path}">{route.path}</a> {escape(route.help)}\n' for route in ROUTES)
        found = _page(f"<ul>\n{items}</ul>")
    found.headers.append(("vary", "Accept"))
    return found


def login(site: Site, request: Request, values: dict[str, Any]) -> Response:
    """A form; the token posted from it, or the code of a login URL, is changed for a cookie.

    A code is used by the form's button alone: whatever else opens the URL (a preview, a prefetch, a
    page of another site) uses nothing up, and the cookie is set where no redirection from elsewhere
    keeps a browser from sending it.
    """
    if not site.guard.token:
        raise Problem(404, "no token is needed here, so there is nothing to log in to.")
    if request.method == "POST":
        return _log_in(site, request)
    if "code" in values:
        return _form(request, "This link logs this browser in, once.", _CODE.format(escape(values["code"])))
    return _form(request, _ASKED)


def _log_in(site: Site, request: Request) -> Response:
    site.guard.check_origin(request)
    fields = _posted(request)
    if "code" in fields and not site.guard.use_code(fields["code"]):
        return _form(request, "This link was used, or is too old; the token does it, too. " + _ASKED, status=403)
    if "code" not in fields and not site.guard.is_token(fields.get("token", "")):
        return _form(request, "This is not the token. " + _ASKED, status=403)
    found = answer(b"", HTML, 303)
    found.headers += [("location", f"{request.base}/"), ("set-cookie", site.guard.cookie(request))]
    return found


def _posted(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, f"the content type is {kind[:100]!r}; it must be application/x-www-form-urlencoded.")
    if len(request.body) > MAX_BODY:
        raise Problem(413, f"the form has more than {MAX_BODY} bytes; it must have one field, token or code.")
    try:
        fields = parse_qs(request.body.decode("ascii"), keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError:
        fields = {"": [""]}
    if not fields.keys() <= set(FIELDS) or any(len(values) > 1 for values in fields.values()):
        raise Problem(400, f"the form cannot be read; it must have one field, {' or '.join(FIELDS)}.")
    return {name: value for name, [value] in fields.items()}


def openapi(site: Site, request: Request, values: dict[str, Any]) -> Response:
    from tidegate.serve.openapi import describe

    return answer(ndjson.dumps(describe(request.base, site.guard.cookie_name(request) if site.guard.token else "")))


def _form(request: Request, said: str, field: str = _FIELD, status: int = 200) -> Response:
    return _page(_FORM.format(said=said, base=escape(request.base), field=field), status)


def _page(body: str, status: int = 200) -> Response:
    return answer(_PAGE.format(body).encode(), HTML, status)
