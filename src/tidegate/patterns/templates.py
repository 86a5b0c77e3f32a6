"""How the template of a logging call is shown: its placeholders as the variables of mined text."""

from __future__ import annotations

import re

#: Conversions of printf-style formatting (Python's library reference), and what they show.
_PERCENT = re.compile(r"%(?:(%)|(?:\([^()]*\))?[#0\-+]*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?[hlL]?([diouxXeEfFgGcrsa]))")
_BRACES = re.compile(r"\{\{|\}\}|\{[A-Za-z_0-9.\[\]]*(?:![rsa])?(?::[^{}]*)?\}")
_SHOWN = dict.fromkeys("diueEfFgG", "<num>") | dict.fromkeys("oxX", "<hex>")
#: Longest template that is shown whole.
SHOWN = 1024


def shown(template: str) -> str:
    """A %-style or {}-style template with ``<*>``, ``<num>`` and ``<hex>`` for what is filled in."""
    template = template[:SHOWN]
    text, count = _PERCENT.subn(lambda found: "%" if found[1] else _SHOWN.get(found[2], "<*>"), template)
    return text if count else _BRACES.sub(_brace, template)


def _brace(found: re.Match[str]) -> str:
    text = found[0]
    if text in {"{{", "}}"}:
        return text[0]
    return "<num>" if text[-2:-1] in {"d", "f", "g", "e", "%"} and ":" in text else "<*>"
