"""HTTP status and exit codes, for those who want messages told apart by them."""

from __future__ import annotations

import re

#: Codes that tell messages apart where that is wanted: after a word for them, or after an HTTP request's version.
_CODE = re.compile(
    r"(?i:\b(?:status|code|exit|exited|returned|rc|errno|http|response)(?![a-z])"
    r"(?:[ _]?(?:status|code|with|is|of|was|exit))*)"
    r"[ =:({\"']{0,3}(-?\d{1,3})(?![\w.])|HTTP/\d(?:\.\d)?\"? (\d{3})(?!\d)"
)
_KEPT = {ord("0") + digit: 0xE000 + digit for digit in range(10)}
SHOWN = {kept: digit for digit, kept in _KEPT.items()}


def keep(text: str) -> str:
    """The text with status and exit codes in characters that no mask takes for digits."""
    return _CODE.sub(lambda found: found[0][: -len(code := found[1] or found[2])] + code.translate(_KEPT), text)
