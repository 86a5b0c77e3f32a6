"""What secrets look like in text: a table.

Every row reads a line once, whatever is in it: what may fail after a long way is bounded, or can start there only
once. Every row stays within a line, but those of keys that span several, whose first line is theirs already. And none
tells one digit from another, but those with a check: lines that differ in digits only are alike, and searched once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tidegate.record.redaction import cards, vendors


class Format(NamedTuple):
    """A row. ``marks``: texts of which one is in every match, so that most lines are passed after a few searches; in
    lower case where ``folds`` says that case does not matter, and without blanks but for those with a check. What
    the group ``secret`` matches is replaced, or all, unless ``check`` says that it is none."""

    rule: str
    marks: tuple[str, ...]
    source: str
    folds: bool = False
    check: Callable[[str], bool] | None = None

    @property
    def group(self) -> int | str:
        return "secret" if "secret" in self.pattern.groupindex else 0

    @property
    def pattern(self) -> re.Pattern[str]:
        return _compiled(self.source, self.folds)


@cache  # at the first text that has a mark: most processes need few of them
def _compiled(source: str, folds: bool) -> re.Pattern[str]:
    return re.compile(source, re.IGNORECASE if folds else 0)


#: What stands for a secret: what we, a driver or a template put there.
_PLACEHOLDER = (
    r"(?!\[redacted|\*{3}|%[sdr](?![\w%])|%\(\w{1,64}\)[sdr]|\$\{|\$\(|\$\d{1,2}(?![\w$])|\{[\w.:!-]{0,64}\}|\{\{"
    r"|<[\w -]{1,64}>|:[a-z_]\w{0,64}(?:[\s,)]|\Z)|\?(?:[\s,)]|\Z))"
)

#: What is said of a secret: "password: required".
_SAID = (
    "(?!(?:must|should|cannot|can't|can|may|will|is|are|was|has|have|had|not|no|does|did|do|been|be|please|at|for|from"
    "|the|an|and|or|to|in|on|of|with|by|as|if|invalid|incorrect|wrong|missing|required|optional|expired|expires|revoked"
    "|empty|blank|none|null|nil|true|false|okay|fail|failed|failure|error|mismatch|reset|set|unset|sent|used|created"
    "|changed|updated|deleted|unknown|undefined|unchanged|hidden|masked|redacted|omitted|removed|valid|accepted|denied"
    "|rejected|matches|too|str|string|bytes|int|bool|any|self|number|identifier|done|disabled|enabled|success|successful"
    "|successfully|verified|correct|weak|strong|rotated|saved|stored|loaded|found|skipped|provided|present|absent|pending"
    "|complete|completed|confirmed|needed|generated|forgotten|prompt|this|that|your|falsch|fehlt|erforderlich|muss|wurde"
    "|nicht|vergessen|abgelaufen|ge\xe4ndert|ung\xfcltig)"
    r"(?![\w@#$%^&*!+/=-]|\.\w))"
)

#: A line of a program, as in a stack trace: the call or the item that the secret comes from.
_CODE = (
    r"(?!(?:await )?[a-z_]\w{0,64}(?:\.[a-z_]\w{0,64}){0,6}(?:\([^()\r\n]{0,200}\)|\[[^\[\]\r\n]{0,200}\]))"
    r"(?!(?P=name)(?:[\s,)\]}]|\Z))"
    r"(?!(?:[a-z_]\w{0,64}\.){1,6}\w{0,64}(?P=name)(?:[\s,)\]}]|\Z))"
)

_ASSIGNED = r"(?:=(?![=~])>?|:=|%\d[d])"
_COLON = r":(?![:=])"

#: What may stand right behind a name that is short, in the marks of such.
_ENDS = ("=", "'", '"', "\\")

#: Before the value: brackets, as of a list with one value, but not with one sentence; and quotes.
_OPENING = (
    r"(?:[\[(]{1,2}(?=(?:[bru]|\\)?[\"'])(?!.{0,2}[\"'](?-i:[A-Z][a-z]{0,12} [a-z])))?"
    r"(?:[bru](?=[\"']))?[\\\"']{0,4}"
)

#: A value in quotes, in quotes that are escaped as those of JSON within a text are, or up to a blank or the like.
_QUOTED = (
    r"(?<=[^\\]\")(?=(?:[^\"\\\r\n]|\\.){3})[^\"\\\r\n]*(?:\\.[^\"\\\r\n]*)*"
    r"|(?<=[^\\]')(?=(?:[^'\\\r\n]|\\.){3})[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*"
    r"|(?<=\\[\"'])[^\"'\\\r\n]{3,}"
)
_PLAIN = r"[^\s\"'\\&,;)}\]<>]"

_PASSWORDS = r"(?P<name>passw(?:[o\d]r[dt]|d)|passphrase|passcode|pwd)(?:\d{0,4}|[_-]?hash)"
_KEYS = (
    "api|access|private|secret|signing|encryption|account|shared|master|license|subscription|client|auth|app|application"
    "|service|consumer|webhook|deploy|session|hmac|jwt|aes|ssh"
)
_TOKEN = (
    rf"(?P<name>secret|(?<!page)(?<!page[_ -])(?<!ation)(?<!ation[_ -])token|(?:{_KEYS})[_.-]?key|credential"
    r"|session[_-]?id)(?:[_-]?value)?"
)

#: A token said after a colon has a digit, or is long: not "token: identifier".
_LIKE = rf"(?=[\[(]{{0,2}}(?:[\\\"']|[bru][\"'])|{_PLAIN}{{0,64}}\d|{_PLAIN}{{16}})"

_HEADER = (
    r"[\"'\\]{0,4}(?:[ \t]*[=:][ \t]*|(?<=[\"'])[ \t]*,[ \t]*(?=[bru]?[\"']))[\[(]?(?:[bru](?=[\"']))?[\\\"']{0,4}"
)

_PARAMETERS = "sig|signature|token|auth|pass|pw|pwd|password|secret|jwt|otp|pin"

#: Parameters that may as well be what somebody looks for: only with letters and digits, or in a long run.
_OTHER_PARAMETERS = "key|sid|session|ticket|code"
_MIXED = r"(?=[a-z._~%-]{0,64}\d)(?=[\d._~%-]{0,64}[a-z])"

#: Names in other words: of pairs, and of tags.
_NAMES = (
    r"passw(?:or)?d|passphrase|passcode|pwd|secret(?:[_-]?key)?|(?<!page)(?<!page[_-])(?<!next)(?<!next[_-])(?<!ation)"
    rf"(?<!ation[_-])token|(?:{_KEYS})[_-]?key"
)

FORMATS: tuple[Format, ...] = (
    Format(
        "private key",
        ("PRIVATE",),
        r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
        r"(?:[\s\S]*?-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|[\s\S]*)",
    ),
    Format(
        "PuTTY private key",
        ("Private-Lines:",),
        r"Private-Lines: ?\d{1,4}(?P<secret>[\s\S]*?(?=Private-(?:MAC|Hash):)|[\s\S]*)",
    ),
    Format(
        "authorization",
        ("authorization",),
        rf"authorization{_HEADER}(?:(?:basic|bearer|token|negotiate|ntlm|api-?key|key)[ \t]+)?{_PLACEHOLDER}"
        r"(?P<secret>(?:digest|aws\d-hmac-sha\d{1,3}|hawk|signature|oauth)[ \t]"
        r"(?:[^\r\n\"'=\\]|=(?:\\?\"[^\"\r\n]*\")?){4,}"
        r"|(?=[^\s\"'\\,;)}\]]{0,64}[\d=]|[^\s\"'\\,;)}\]]{16})[^\s\"'\\,;)}\]]{4,})",
        folds=True,
    ),
    Format(
        "bearer token",
        ("earer", "EARER"),
        r"(?i:\bbearer)(?:[ \t]+|%\d\d|\+)"
        r"(?P<secret>(?=[A-Za-z._~+/=-]{0,64}(?:\d|[a-z][A-Z])|[\w.~+/=-]{24})[\w.~+/=-]{8,})",
    ),
    Format(
        "basic credentials",
        ("asic", "ASIC"),
        r"(?i:\bbasic)(?:[ \t]+|%\d\d)(?P<secret>(?=[A-Za-z+/]{0,64}(?:\d|=|[a-z][A-Z]))[\w+/-]{8,}={0,2})",
    ),
    Format(
        "cookie",
        ("cookie",),
        rf"(?<![a-z])(?:set[-_])?cookie{_HEADER}(?!\[redacted)(?P<secret>(?=[^\s\"'=]{{1,200}}=[^=])[^\r\n\"']{{4,}})",
        folds=True,
    ),
    Format(
        "password of a URL",
        ("@",),
        rf"://[^\s/:@\"'<>]*:{_PLACEHOLDER}(?P<secret>[^\s/?#\"'<>]+)@",
        folds=True,
    ),
    Format("key of a URL", ("@",), r"://(?P<secret>[\w-]{20,})@"),
    Format(
        "parameter of a URL",
        tuple(f"{name}=" for name in f"{_PARAMETERS}|{_OTHER_PARAMETERS}".split("|")),
        rf"[?&](?:{_PARAMETERS}|[\w-]{{0,40}}signature|(?:{_OTHER_PARAMETERS})(?==(?:{_MIXED}|[\w%.~+/]{{16}}))"
        rf"(?!code=[^\s&\"'#<>\\]{{0,7}}(?![^\s&\"'#<>\\])))"
        rf"=(?!hash:){_PLACEHOLDER}(?P<secret>[^\s&\"'#<>\\]{{4,}})",
        folds=True,
    ),
    Format(
        "Azure shared access signature",
        ("sharedaccesssignature",),
        r"SharedAccessSignature[ =](?!\[redacted)"
        r"(?P<secret>[^\s\"';,]{8,})",
        folds=True,
    ),
    Format(
        "password in a connection string",
        ("passw", "pwd"),
        rf";[ \t]?(?:password|pwd)[ \t]?=[ \t]?{_PLACEHOLDER}(?P<secret>[^;\s\"'][^;\r\n\"']*)",
        folds=True,
    ),
    Format(
        "password in SQL",
        ("password", "identified"),
        r"\b(?:password|identified (?:by|(?:with|via) [\"'`]?\w{1,40}[\"'`]? (?:by|as|using)))(?:[ \t]+|[ \t]?\()"
        rf"(?:password )?[\"']{_PLACEHOLDER}(?P<secret>[^\"'\r\n]+)",
        folds=True,
    ),
    Format(
        "password",
        ("passw", "passphrase", "passcode", "pwd"),
        rf"{_PASSWORDS}[\\\"']{{0,4}}[ \t]*(?:{_ASSIGNED}|{_COLON})[ \t]*{_OPENING}{_PLACEHOLDER}"
        rf"(?P<secret>{_QUOTED}|(?<![\"']){_SAID}{_CODE}{_PLAIN}{{4,}})",
        folds=True,
    ),
    Format(
        "token",
        ("secret", "token", "key", "credential", "session"),
        rf"{_TOKEN}[\\\"']{{0,4}}[ \t]*(?:{_ASSIGNED}[ \t]*|{_COLON}[ \t]*{_LIKE}){_OPENING}(?!hash:){_PLACEHOLDER}"
        rf"(?P<secret>{_QUOTED}|(?<![\"'])(?!\d{{1,9}}(?![\w.+/=-])){_SAID}{_CODE}{_PLAIN}{{4,}})",
        folds=True,
    ),
    Format(
        "password by a short name",
        tuple(f"{name}{end}" for name in ("pass", "pw", "credentials") for end in (*_ENDS, ":")),
        rf"(?<![a-z])(?P<name>pass|pw|credentials)(?:[\\\"']{{1,4}}[ \t]*{_COLON}|[\\\"']{{0,4}}{_ASSIGNED})[ \t]*"
        rf"(?:(?<=(?-i:[A-Z\d]_PASS)=)|(?=[\\\"']|[bru][\"']|{_PLAIN}{{0,64}}\d)){_OPENING}{_PLACEHOLDER}"
        rf"(?P<secret>{_QUOTED}|(?<![\"'])(?![\d.:/%-]{{1,20}}(?:[\s,;)\]}}]|\Z)){_SAID}{_CODE}{_PLAIN}{{4,}})",
        folds=True,
    ),
    Format(
        "code by its name",
        (
            *(f"{name}{end}" for name in ("pin", "cvc") for end in _ENDS),
            *("otp", "cvv", "ssn", "jwt", "card_n", "card-n", "cardn", "basic_auth", "auth_header"),
            *("h_code", "ion_code", "a_code", "p_code", "ty_code"),
        ),
        r"(?<![a-z])(?:pin(?:=|[\\\"']{1,4}:)(?=[ \t]*[\\\"'\[(]{0,4}\d{4,12}(?![\w.-]))|t?otp:(?=[ \t]*\d)"
        r"|(?:t?otp|cvv\d?|cvc\d?|ssn|jwt|card[_-]?(?:number|no)|(?:otp|mfa|verification|security|oauth|auth|authorization)"
        r"[_-]?code|basic_auth|auth_header)(?:[\\\"']{0,4}=|[\\\"']{1,4}:))[ \t]*[\[(]?[\\\"']{0,4}"
        r"(?=[a-z.+/-]{0,64}\d)(?P<secret>[\w.+/=-]{3,})",
        folds=True,
    ),
    Format(
        "pair",
        ("('", '("', "(b'", '(b"'),
        rf"(?:(?<=\[)|(?<=,)|(?<=, ))\([bu]?[\"'][\w.-]{{0,40}}?(?:{_NAMES})[\"'],[ ]?[bu]?[\"']{_PLACEHOLDER}{_SAID}"
        r"(?P<secret>[^\s\"'\\]{4,})(?=[\"']\))",
        folds=True,
    ),
    Format(
        "element",
        ("passwd>", "password>", "passphrase>", "passcode>", "pwd>", "secret>", "token>", "key>"),
        rf"<(?:[\w-]{{1,20}}:)?[\w.-]{{0,30}}?(?:{_NAMES})(?:[ \t][^<>\r\n]{{0,300}})?>{_PLACEHOLDER}{_SAID}"
        r"(?P<secret>[^<>\s][^<>\r\n]{3,})(?=</)",
        folds=True,
    ),
    Format(
        "argument of a command",
        ("curl", "sshpass", "mysql"),
        # up to the first one, whatever it says: a second look must not go further than the first
        r"\b(?:curl\b(?:(?![ \t]-u|[ \t]--user)[^\r\n]){0,200}[ \t](?:-u|--user)[ \t=]?[ \t]?[\"']?[^\s:\"']{1,64}:"
        rf"|sshpass[ \t]+-p[ \t]?[\"']?"
        rf"|mysql(?:dump|admin)?\b(?:(?![ \t]-p)[^\r\n]){{0,200}}[ \t]-p[\"']?){_PLACEHOLDER}"
        r"(?P<secret>[^\s\"'-][^\s\"']{3,})",
    ),
    Format(
        "argument",
        ("--",),
        rf"(?<![\w-])--(?=[a-z])[\w-]{{0,40}}?(?:password|passwd|passphrase|secret|token|(?:{_KEYS})-key)"
        r"(?:[ \t]+|[\"'],[ \t]?[bu]?(?=[\"']))"
        rf"(?![\"']?-|[A-Z_]{{2,40}}(?!\w))[\"']?{_PLACEHOLDER}{_SAID}(?P<secret>[^\s\"']{{4,}})",
    ),
    Format(
        "JSON web token",
        ("eyJ",),
        r"(?:(?<![\w-])|(?<=\\[nrt])|(?<=%\d[\dA-F]))eyJ[\w-]{8,}\.[\w-]*\.[\w-]*(?:\.[\w-]*){0,2}",
    ),
    *(Format(rule, marks, vendors.BEGINNING + source) for rule, marks, source in vendors.TABLE),
    Format("card number", cards.MARKS, cards.SOURCE, check=cards.is_card),
)
