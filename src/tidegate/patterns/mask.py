"""Text with its variables masked: ``<num>``, ``<ip>``, ``<time>``, …; everything that is left is taken for constant.

Three passes, each linear in the text: what may hold blanks (quoted strings, object reprs, dates in words), then token
by token, each from its start to its end and remembered by its shape, then what is made of masked things (containers,
units, lists, exception texts). Digits are made ``0`` before anything else, so that tokens of one shape are looked at once.
"""

from __future__ import annotations

import errno
import os
import re

#: Characters of a text that are looked at; what follows is shown as ``<*>``.
LOOKED_AT = 1024
#: Longest token that is taken apart, and how many of their shapes are remembered.
TOKEN_LENGTH, TOKENS = 128, 4096

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
    ("mac", rf"{_HEX}{{2}}(?:([:-]){_HEX}{{2}})(?:\1{_HEX}{{2}}){{4}}"),
    (
        "ip",
        rf"(?=[^:]*(?:::|:.*:.*:.*:.*:.*:.*:))\[?{_HEX}{{0,4}}(?::{_HEX}{{0,4}}){{2,7}}(?:%\w+)?(?:\](?::0+)?|/0+)?",
    ),
    ("hex", rf"0[xX]{_HEX}+|(?=[a-f]*0)(?=0*[a-f])[0-9a-f]{{6,}}|(?=[A-F]*0)(?=0*[A-F])[0-9A-F]{{6,}}"),
    ("dur", r"[+-]?(?:0+(?:\.0+)?(?:ns|us|µs|μs|ms|secs?|s|mins?|m|hrs?|h|days?|d))+"),
    ("size", r"0+(?:\.0+)?(?:[kKMGTP]i?[bB]?|B|bytes)(?:/s|ps)?"),
    ("num", r"[+-]?(?:0+(?:[,_]000)*(?:\.0+)*|\.0+)(?:[eE][+-]?0+)?%?"),
    ("path", r"(?:~|\.{1,2})?/[^\s<>|\"']*|[A-Za-z]:[\\/][^\s<>|\"']*|\\\\[^\s<>|\"']+"),
)
#: What stands for a variable, in masked text.
NAMES = "num|str|time|ip|uuid|hex|id|url|email|path|mac|dur|size|obj|list|exc|\\*"
VARIABLE = re.compile(f"<(?:{NAMES})>")

_GROUP = ["" for _ in range(len(TYPES) + 2)]
_TYPED_PARTS: list[str] = []
for _name, _form in TYPES:
    _TYPED_PARTS.append(
        f"(?P<{_name}_{len(_TYPED_PARTS)}>{_form.replace(chr(92) + '1', '(?P=dash)').replace('([:-])', '(?P<dash>[:-])')})"
    )
_TYPED = re.compile("|".join(_TYPED_PARTS))

_BEFORE, _AFTER = "([{<\"'`*#", ",;:.!?)]}>\"'`*#"
_OUTER = re.compile(rf"(<(?:{NAMES})>|[=,;|()\[\]{{}}\"'`<>&?!]+)")
_INNER = re.compile(r"([:@#$]+)")
_PREFIXED = re.compile(r"([A-Za-z_.]*[A-Za-z](?:[_.#/]+|-?))-?0[0._/-]*")


_VERSION = re.compile(r"v?0+(?:\.0+)+(?:[._+-]?(?:a|b|c|rc|alpha|beta|dev|post|final|release|snapshot|g)[._-]?0*)*", re.I)
_FILE = re.compile(
    r"\.(?:py[cio]?|json|ya?ml|toml|ini|cfg|conf|xml|html?|css|jsx?|tsx?|md|rst|txt|log|csv|tsv|parquet|db|sqlite0?|sql|sock"
    r"|pid|lock|tmp|bak|swp|so|dll|exe|sh|bat|jar|war|class|java|c|cc|cpp|h|rs|go|rb|php|pem|crt|key|zip|tar|t?gz|bz0|xz|whl"
    r"|egg|png|jpe?g|gif|svg|pdf|bin|dat|img|iso|rpm|deb|service|socket|rrd|gv)$"
)
_COMMAS = re.compile(r"[\w.-]+(?:,[\w.-]+)+")


def _typed(text: str) -> str:
    found = _TYPED.fullmatch(text)
    return f"<{(found.lastgroup or '').split('_')[0]}>" if found else ""


def _word(text: str) -> str:
    """A part without delimiters: a path, a name with a number, an id, or just a word."""
    if "\\" in text or ("/" in text and (text.count("/") > 1 or "0" in text or "." in text)):
        return "<path>"
    if _FILE.search(text):
        return "<path>"
    if "0" not in text:
        return text
    if _VERSION.fullmatch(text):
        return "<num>"
    if found := _PREFIXED.fullmatch(text):
        return found[1] + "<num>"
    return "<id>"


def _inner(text: str) -> str:
    if text in {"True", "False"}:
        return "<obj>"
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
    if len(text) > TOKEN_LENGTH:
        return _long(text)
    core = text.lstrip(_BEFORE)
    before = text[: len(text) - len(core)]
    core = core.rstrip(_AFTER)
    after = text[len(before) + len(core) :]
    if not core:
        return "<ip>" if text == "::" else text
    if core.isalpha():
        return text
    if ("0" in core or "/" in core or "\\" in core or "@" in core or ":" in core) and (whole := _typed(core)):
        return before + whole + after
    if "," in core and _COMMAS.fullmatch(core) and (core.count(",") > 1 or not core.replace(",", "").isalpha()):
        return before + "<list>" + after
    return before + "".join(map(_inner, _OUTER.split(core))) + after


def _long(text: str) -> str:
    if "://" in text:
        return "<url>"
    return "<path>" if text[0] in "/~." else "<id>"


# -- what may hold blanks ------------------------------------------------------------------------------------------

_OBJECT = re.compile(rf"[\w.]*<(?!(?:{NAMES})>)[A-Za-z_][^<>]*>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w)])[bru]?\'(?:[^\'\\]|\\.)*\'(?!\w)|`[^`]*`')
_DAY = r"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
_DATE = re.compile(
    rf"{_DAY}\b(?:00?[ -]{_MONTH}|{_MONTH}  ?00?),?(?:[ -]0000)?,? {_CLOCK}{_ZONE}?(?: {_ZONE})?(?: 0000\b)?"
    rf"|\b0000-00-00[ T]{_CLOCK}{_ZONE}?"
)


_REQUEST = re.compile(r"[\"'](?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT) [^ ]")


_MESSAGE = re.compile(r"(?:^|\b(?:msg|message|event)=)$")


def _quoted(found: re.Match[str]) -> str:
    """What stands for a quoted string: itself, when it is a request, or the message of structured text."""
    before = found.string[max(0, found.start() - 9) : found.start()]
    if _REQUEST.match(found[0]):  # one of an access log is a value, one within a text says what is done
        return "<str>" if found.string[found.end() : found.end() + 2] == " 0" else found[0]
    if found[0][0] == '"' and _MESSAGE.search(before):
        return found[0]
    return "<str>"


def _blanks(text: str) -> str:
    if "<" in text:
        text = _OBJECT.sub("<obj>", _OBJECT.sub("<obj>", text))
    if "'" in text or '"' in text or "`" in text:
        text = _QUOTED.sub(_quoted, text)
    if "0:00" in text:
        text = _DATE.sub("<time>", text)
    return text


# -- what is made of masked things ---------------------------------------------------------------------------------

_LEAF = rf"(?:<(?:{NAMES})>|\(<list>\)|True|False|None|null|true|false|nan|inf|[A-Za-z_][\w.-]*<num>)"
_ITEM = rf"(?:[\w.]+=[\w.$/<>@:-]+|(?:[\w.]+ ?[=:] ?)?{_LEAF}(?: ?: ?{_LEAF})?)"
_ITEMS = rf"\s*{_ITEM}(?:, ?{_ITEM})*,?\s*"
#: What is made of masked things: a text that says whether to look, the form, and what stands for it. Twice: nested.
_BUILT = (
    ("(", rf"\b(?:[a-z_][\w.]*\.)?_*[A-Z]\w*\((?:{_ITEMS})?\)|\b[a-z_]\w*\.\w+\({_ITEMS}\)", "<obj>"),
    ("[", rf"(?<!\w)\[(?:{_ITEMS})?\]", "<list>"),
    ("{", rf"\{{(?:{_ITEMS})?\}}", "<list>"),
    ("(", rf"(?<!\w)\((?:{_ITEM}(?:, ?{_ITEM})+,?|<(?:{NAMES})>,|)\)", "(<list>)"),
)
_TIMES = "ns|us|µs|ms|millis|milliseconds?|sec|secs|seconds?|s|minutes?|mins?|hours?|days?"
_JOINED = (
    (" <url>", r"\b(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT)(?= <url>)", "<*>"),
    ("<num> ", rf"<num>(?= (?:{_TIMES})\b) [a-zµ]+", "<dur>"),
    ("<num> ", r"<num>(?= (?:[kKMGTP]i?B|bytes?|B)\b) \w+", "<size>"),
    ("<size> (", r"<size> \(<size>\)", "<size>"),
    ("<time> ", r"<time>(?:[ ,T]+<time>)+", "<time>"),
    ("<time> <num>]", r"(?<=<time>) <num>(?=\])", ""),
    ("> ", rf"(?<!\S)(\S{{0,40}}<(?:{NAMES})>)(?:,? \1)+(?!\S)", r"\1"),
)
_BUILT_FORMS, _JOINED_FORMS = ([(a, re.compile(b), c) for a, b, c in table] for table in (_BUILT, _JOINED))
#: What the system says of an error, as exceptions of Python and C show it.
_SYSTEM = "|".join(sorted({re.escape(os.strerror(number)) for number in errno.errorcode}, key=len, reverse=True))
_EXCEPTION = re.compile(
    rf"\[(?:Errno|WinError) [^\]]*\](?: (?:{_SYSTEM}|\w+(?: \w+){{0,3}}))?(?:: <str>(?: -> <str>)?)?"
    r"|\[SSL[^\]]*\][^()]*(?:\(\w+\.c:<num>\))?"
)


def _built(text: str) -> str:
    """The text with containers, units and lists of masked things masked themselves."""
    for _ in range(4):
        before = text
        for guard, form, name in _BUILT_FORMS:
            if guard in text:
                text = form.sub(name, text)
        if text == before:
            break
    for guard, form, name in _JOINED_FORMS:
        if guard in text:
            text = form.sub(name, text)
    return text


_ZEROS = bytes.maketrans(b"123456789", b"000000000")


#: Codes that tell messages apart where that is wanted: after a word for them, or after an HTTP request's version.
_CODE = re.compile(
    r"(?i:\b(?:status|code|exit|exited|returned|rc|errno|http|response)\b(?: ?(?:status|code|with|is|of|was|exit))*)"
    r"[ =:({\"']{0,3}(-?\d{1,3})(?![\w.])|HTTP/\d(?:\.\d)?\"? (\d{3})(?!\d)"
)
_KEPT = {ord("0") + digit: 0xE000 + digit for digit in range(10)}
SHOWN_CODES = {kept: digit for digit, kept in _KEPT.items()}


def keep_codes(text: str) -> str:
    """The text with status and exit codes in characters that no mask takes for digits."""
    return _CODE.sub(lambda found: found[0][: -len(code := found[1] or found[2])] + code.translate(_KEPT), text)


#: Words that are values.
_WORDS = {"True": "<obj>", "False": "<obj>"}


class Masker:
    """Masks texts and remembers the shapes of their tokens; at most `TOKENS` of them."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens = dict(_WORDS)

    def mask(self, text: str) -> str:
        """The text, blanks made single, with its variables masked; only `LOOKED_AT` characters are looked at."""
        cut = len(text) > LOOKED_AT
        if cut:
            text = text[:LOOKED_AT].rpartition(" ")[0] or text[:LOOKED_AT]
        text = text.encode("utf-8", "replace").translate(_ZEROS).decode()
        known = self._tokens
        masked = [known.get(word) or (word if word.isalpha() else self._token(word)) for word in _blanks(text).split()]
        text = " ".join(masked)
        if "<" in text or "[" in text or "{" in text or "(" in text:
            text = _built(text)
        if "[" in text:
            text = _EXCEPTION.sub("<exc>", text)
        return text + " <*>" if cut else text

    def _token(self, text: str) -> str:
        masked = token(text)
        if len(text) <= TOKEN_LENGTH:
            if len(self._tokens) >= TOKENS:
                self._tokens.clear()
                self._tokens.update(_WORDS)
            self._tokens[text] = masked
        return masked
