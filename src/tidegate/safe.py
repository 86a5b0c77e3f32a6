"""Text from data made harmless for a terminal.

A log message is written by strangers. Printed as it came, it could move the cursor, recolour or
clear the screen, set the clipboard, hide or reorder words (bidirectional overrides, zero-width
characters), or pass for a line of ours. What can do that is shown as a Python escape instead;
everything else, any script and emoji included, stays as it is.
"""

from __future__ import annotations

import re

# Zero-width joiner and non-joiner stay: Persian, Hindi and emoji are written with them.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
_HARMFUL = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}{_INVISIBLE}]")

# The same characters in UTF-8, without C0 and surrogates, which JSON never has as they are.
_HARMFUL_JSON = re.compile(f"[\x7f-\x9f{_BIDI}{_INVISIBLE}]")


def safe(value: object) -> str:
    """The text of ``value`` as one line that does nothing but show itself."""
    return _HARMFUL.sub(_escape, str(value))


def safe_lines(value: object) -> list[str]:
    """Like `safe`, for text of several lines: one harmless string a line, tabs expanded."""
    return [safe(line.expandtabs(4)) for line in str(value).replace("\r\n", "\n").rstrip("\n").split("\n")]


def safe_json(line: bytes) -> bytes:
    """JSON that says the same, with what `safe` would escape written as ``\\uXXXX``."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return _HARMFUL_JSON.sub(_escape_json, line.decode()).encode()


def hide_password(url: str) -> str:
    """A URL without the user and password that it may carry."""
    return re.sub(r"(?<=://)[^/@\s]*@", "***@", url)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _escape_json(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
