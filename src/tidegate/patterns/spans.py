"""What several tokens make together: quoted strings, object reprs and dates before tokens are masked; containers,
units, lists and exceptions' texts after.

A form is looked for only where a text that it needs is there, and none of them goes over the same text twice.
"""

from __future__ import annotations

import errno
import os
import re

from tidegate.patterns.tokens import CLOCK, MONTH, NAMES, ZONE, compiled

#: How deep containers within containers are looked into.
DEPTH = 4

_OBJECT = rf"[\w.]*<(?!(?:{NAMES})>)[A-Za-z_][^<>]*>"
_QUOTED = r'"(?:[^"\\]|\\.)*"|(?<![\w)])[bru]?\'(?:[^\'\\]|\\.)*\'(?!\w)|`[^`]*`'
_COLOUR = re.compile(r"\x1b\[[0;]*m")
_URL = r"(?<![\w+.-])[A-Za-z][\w+.-]*://[^\s<>\"'`|]*[^\s<>\"'`|,;:.!?)\]}]"
#: An address of IPv6 with its port, wherever in a token it stands.
_PORT = r"\[(?=[^\]]*::|(?:[^:\]]*:){7})[0-9A-Fa-f:.]+(?:%\w+)?\]:0+"
_THOUSANDS = re.compile(r"(?<![\w.:])0{1,3}(?:,000)+(?!\d)")
_DAY = r"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
DATE = (
    rf"{_DAY}\b(?:00?[ -]{MONTH}|{MONTH}  ?00?),?(?:[ -]0000)?,? {CLOCK}{ZONE}?(?: {ZONE})?(?: 0000\b)?"
    rf"|\b0000-00-00[ T]{CLOCK}{ZONE}?"
)
#: Of HTTP, as access logs show them.
METHODS = "GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT"
_REQUEST = re.compile(rf"[\"'](?:{METHODS}) [^ ]")
#: What stands before a message in quotes: nothing, its name, or where it was logged, as Kubernetes writes it.
_MESSAGE = re.compile(r"(?:^|\b(?:msg|message|event)=|:(?:0+|<num>)\] )$")
#: Writing without blanks between words: kana, Han, their stops, and wide forms.
UNSPACED = re.compile("[\u3001-\u30ff\u3400-\u9fff\uff01-\uff65]+")


def _quoted(found: re.Match[str]) -> str:
    """What stands for a quoted string: itself, when it is a request, or the message of structured text."""
    before = found.string[max(0, found.start() - 9) : found.start()]
    is_logged = found.string[found.end() : found.end() + 2] == " 0"  # a status follows: the line of an access log
    if _REQUEST.match(found[0]):
        return "<str>" if is_logged else found[0]
    if found[0][0] == '"' and (_MESSAGE.search(before) or (is_logged and " /" in found[0])):
        return found[0]
    return "<str>"


def with_blanks(text: str) -> str:
    """The text with quoted strings, object reprs and dates masked, and blanks around writing that has none."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if "<" in text:
        text = compiled(_OBJECT).sub("<obj>", compiled(_OBJECT).sub("<obj>", text))
    if "'" in text or '"' in text or "`" in text:
        text = compiled(_QUOTED).sub(_quoted, text)
    if "://" in text:
        text = compiled(_URL).sub("<url>", text)
    if "]:0" in text:
        text = compiled(_PORT).sub("<ip>", text)
    if ",000" in text:
        text = _THOUSANDS.sub("0", text)
    if "0:00" in text:
        text = compiled(DATE).sub("<time>", text)
    return text if text.isascii() else UNSPACED.sub(r" \g<0> ", text)


_LEAF = rf"(?:<(?:{NAMES})>|\(<list>\)|True|False|None|null|true|false|nan|inf|[A-Za-z_][\w.-]*<num>)"
_ITEM = rf"(?:[\w.]+=[\w.$/<>@:-]+|(?:[\w.]+ ?[=:] ?)?{_LEAF}(?: ?: ?{_LEAF})?)"
_ITEMS = rf"\s*{_ITEM}(?:, ?{_ITEM})*,?\s*"
#: A text without which there is none, the form, and what stands for it; again for what holds others.
_BUILT = (
    ("(", rf"\b(?:[a-z_][\w.]*\.)?_*[A-Z]\w*\((?:{_ITEMS})?\)|\b[a-z_]\w*\.\w+\({_ITEMS}\)", "<obj>"),
    ("[", rf"(?<!\w)\[(?:{_ITEMS})?\]", "<list>"),
    ("{", rf"\{{(?:{_ITEMS})?\}}", "<list>"),
    ("(", rf"(?<!\w)\((?:{_ITEM}(?:, ?{_ITEM})+,?|<(?:{NAMES})>,|)\)", "(<list>)"),
)
TIMES = "ns|us|µs|ms|millis|milliseconds?|sec|secs|seconds?|s|minutes?|mins?|hours?|days?"
_JOINED = (
    (" <url>", rf"\b(?:{METHODS})(?= <url>)", "<*>"),
    ("<num> ", rf"<num>(?= (?:{TIMES})\b) [a-zµ]+", "<dur>"),
    ("<num> ", r"<num>(?= (?:[kKMGTP]i?B|bytes?|B)\b) \w+", "<size>"),
    ("<size> (", r"<size> \(<size>\)", "<size>"),
    ("<time> ", r"<time>(?:[ ,T]+<time>)+", "<time>"),
    ("<time> <num>]", r"(?<=<time>) <num>(?=\])", ""),
    ("> ", rf"(?<!\S)(\S{{0,40}}<(?:{NAMES})>)(?:,? \1)+(?!\S)", r"\1"),
)
#: What the system says of an error, as exceptions of Python and C show it.
_SYSTEM = "|".join(sorted({re.escape(os.strerror(number)) for number in errno.errorcode}, key=len, reverse=True))
_EXCEPTION = (
    rf"\[(?:Errno|WinError) [^\]]*\](?: (?:{_SYSTEM}|\w+(?: \w+){{0,3}}))?(?:: <str>(?: -> <str>)?)?"
    r"|\[SSL[^\]]*\][^()]*(?:\(\w+\.c:<num>\))?"
)


def made(text: str) -> str:
    """The text with containers, units, lists and exceptions' texts masked that are made of masked tokens."""
    for _ in range(DEPTH):
        before = text
        for guard, form, name in _BUILT:
            if guard in text:
                text = compiled(form).sub(name, text)
        if text == before:
            break
    for guard, form, name in _JOINED:
        if guard in text:
            text = compiled(form).sub(name, text)
    return compiled(_EXCEPTION).sub("<exc>", text) if "[" in text else text
