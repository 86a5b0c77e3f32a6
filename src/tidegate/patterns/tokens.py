"""One token of a text: a number, an address, a path, an id, or just a word.

A token has no blanks, and its digits are all ``0``, so that tokens of one shape are looked at once. It is tried as a
whole first, then without the brackets and stops around it, then in parts.
"""

from __future__ import annotations

import re
from functools import cache

#: Words that are values.
WORDS = {"True": "<obj>", "False": "<obj>"}
#: Longest token that is taken apart.
LONGEST = 128

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"00?:00:00(?:[.,]0+)?(?: ?[AP]M)?"
_ZONE = r"(?: ?Z\b| ?[+-]00:?00\b| ?(?:UTC|GMT|[CEMP][DS]T|CES?T)\b)"
_HEX = "[0-9a-fA-F]"

#: Name and form of what a token can be as a whole, every digit being 0; the first that fits.
TYPES = (
    ("url", r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>]+"),
    ("email", r"[\w.+-]+@(?:[\w-]+(?:\.[\w-]+)+|[A-Za-z]+-0+|localhost)"),
    ("uuid", rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"),
    ("time", rf"0000[-/.]00[-/.]00(?:[T_:-]00:?00(?::?00(?:[.,]0+)?)?)?{_ZONE}?"),
    ("time", rf"00?[-/.]00?[-/.]00(?:00)?(?:[T:-]{_CLOCK})?|{_CLOCK}{_ZONE}?|00?:00|00000000T000000(?:\.0+)?Z?"),
    ("time", rf"00[/-]{_MONTH}[/-]0000(?::00:00:00)?"),
    ("ip", r"/?0{1,3}(?:\.0{1,3}){3}(?:/0{1,2}|:0+)?"),
    ("ip", r"(?:localhost|[A-Za-z][\w-]*-0+|[A-Za-z0][\w-]*(?:\.[\w-]+)+(?<!\.py)(?<!\.c)(?<!\.go)(?<!\.java)):0{2,5}"),
    ("mac", rf"(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}|(?:{_HEX}{{2}}-){{5}}{_HEX}{{2}}"),
    (
        "ip",
        rf"(?=.*::|(?:[^:]*:){{7}})\[?{_HEX}{{0,4}}(?::{_HEX}{{0,4}}){{2,7}}(?:%\w+)?(?:\](?::0+)?|/0+|:0{{5}})?",
    ),
    ("hex", rf"0[xX]{_HEX}+|(?=[a-f]*0)(?=0*[a-f])[0-9a-f]{{6,}}|(?=[A-F]*0)(?=0*[A-F])[0-9A-F]{{6,}}"),
    ("dur", r"[+-]?(?:0+(?:\.0+)?(?:ns|us|µs|μs|ms|secs?|s|mins?|m|hrs?|h|days?|d))+"),
    ("size", r"0+(?:\.0+)?(?:[kKMGTP]i?[bB]?|B|bytes)(?:/s|ps)?"),
    ("num", r"[+-]?(?:0+(?:[,_]000)*(?:\.0+)*|\.0+)(?:[eE][+-]?0+)?%?"),
    ("path", r"(?:~|\.{1,2})?/[^\s<>|\"']*|[A-Za-z]:[\\/][^\s<>|\"']*|\\\\[^\s<>|\"']+"),
)
#: What stands for a variable, in masked text.
NAMES = "num|str|time|ip|uuid|hex|id|url|email|path|mac|dur|size|obj|list|exc|\\*"
#: Months and zones of times that hold blanks.
MONTH, CLOCK, ZONE = _MONTH, _CLOCK, _ZONE

_TYPED = "|".join(f"(?P<{name}_{i}>{form})" for i, (name, form) in enumerate(TYPES))
_BEFORE, _AFTER = "([{<\"'`*#", ",;:.!?)]}>\"'`*#"
_OUTER = re.compile(rf"(<(?:{NAMES})>|[=,;|()\[\]{{}}\"'`<>&?!]+)")
_INNER = re.compile(r"([:@#$]+)")
_RATIO = re.compile(r"0+/(0+|[A-Z]+)")
_PREFIXED = re.compile(r"([A-Za-z_.]*[A-Za-z](?:[_.#/]+|-?))-?0[0._/-]*")
VERSION = r"(?i:v?0+(?:\.0+)+(?:[._+-]?(?:a|b|c|rc|alpha|beta|dev|post|final|release|snapshot|g)[._-]?0*)*)"
FILE = (
    r"\.(?:py[cio]?|json|ya?ml|toml|ini|cfg|conf|xml|html?|css|jsx?|tsx?|md|rst|txt|log|csv|tsv|parquet|db|sqlite0?|sql"
    r"|sock|pid|lock|tmp|bak|swp|so|dll|exe|sh|bat|jar|war|class|java|c|cc|cpp|h|rs|go|rb|php|pem|crt|key|zip|tar|t?gz"
    r"|bz0|xz|whl|egg|png|jpe?g|gif|svg|pdf|bin|dat|img|iso|rpm|deb|service|socket|rrd|gv)$"
)
_COMMAS = re.compile(r"[\w.-]+(?:,[\w.-]+)+")
#: Characters of which a token that is of some type has one at least.
_TELLING = re.compile(r"[0/\\@:]")


@cache
def compiled(form: str) -> re.Pattern[str]:
    """One of the room's own expressions, compiled when it is first needed: not in programs that mine nothing."""
    return re.compile(form)


def _typed(text: str) -> str:
    found = compiled(_TYPED).fullmatch(text)
    return f"<{(found.lastgroup or '').split('_')[0]}>" if found else ""


def _word(text: str) -> str:
    """A part without delimiters: a path, a name with a number, an id, or just a word."""
    if found := _RATIO.fullmatch(text):
        return "<num>/<num>" if found[1][0] == "0" else f"<num>/{found[1]}"
    if "\\" in text or ("/" in text and (text.count("/") > 1 or "0" in text or "." in text)):
        return "<path>"
    if compiled(FILE).search(text):
        return "<path>"
    if "0" not in text:
        return text
    if compiled(VERSION).fullmatch(text):
        return "<num>"
    if found := _PREFIXED.fullmatch(text):
        return found[1] + "<num>"
    return "<id>"


def _inner(text: str) -> str:
    if text in WORDS:
        return WORDS[text]
    if not text or text.isalpha() or text[0] in "=,;|()[]{}\"'`<>&?!":
        return text
    if whole := _typed(text):
        return whole
    if _INNER.search(text):
        return "".join(
            _typed(part) or _word(part) if part and i % 2 == 0 else part for i, part in enumerate(_INNER.split(text))
        )
    return _word(text)


def token(text: str) -> str:
    """One token of a text (no blanks, digits made 0) with its variables masked."""
    if len(text) > LONGEST:
        return _long(text)
    if "<num>/" in text:  # masked already
        return text
    if text[0] == "[" and (whole := _typed(text.rstrip(",;."))):  # an address with its port
        return whole + text[len(text.rstrip(",;.")) :]
    core = text.lstrip(_BEFORE)
    before = text[: len(text) - len(core)]
    core = core.rstrip(_AFTER)
    after = text[len(before) + len(core) :]
    if not core:
        return "<ip>" if text == "::" else text
    if core.isalpha():
        return before + WORDS.get(core, core) + after
    if _TELLING.search(core) and (whole := _typed(core)):
        return before + whole + after
    if "," in core and _COMMAS.fullmatch(core) and (core.count(",") > 1 or not core.replace(",", "").isalpha()):
        return before + "<list>" + after
    return before + "".join(map(_inner, _OUTER.split(core))) + after


def _long(text: str) -> str:
    if "://" in text:
        return "<url>"
    return "<path>" if text[0] in "/~." else "<id>"
