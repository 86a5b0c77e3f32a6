"""Which names of attributes tell that the value is a secret: by whole words, so that a secretary has none."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Where the words of a name part: at everything else, and where case or digits change.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")

_KEYS = (
    "api|access|private|secret|signing|encryption|account|shared|master|license|subscription|client|auth|app|application"
    "|service|consumer|webhook|deploy|session|ssh"
)

#: Of names in words that are joined by "_". A password may end a longer word ("dbpassword"); the others of the first
#: line are at a word's end, too. What is only meant at the end of a name stands in the second.
_SECRET = re.compile(
    rf"(?:passw(?:or)?ds?|passphrase|passcode|secrets?|credentials?|(?:{_KEYS})_?keys?|auth(?:orization)?_?(?:header|code))"
    r"(?:_|\Z)"
    r"|(?:access|refresh|auth|session|csrf|xsrf|api|bearer|security|id|identity|bot)_?tokens?\Z"
    r"|(?<!page_)(?<!page)(?<!ation_)(?<!ation)token(?:_value)?\Z"
    r"|(?:\A|_)(?:authorization|cookies?|pwd|jwt|auth|pin|cvv|cvc|ssn|otp|totp|sig)\Z"
    r"|session_?id\Z|card_?(?:number|no)\Z"
)

#: What a name ends with that tells something about a secret.
_ABOUT = re.compile(
    r"count|length|len|size|name|names|type|kind|reset|changed|change|age|expiry|expires|expired|expiration|at|ttl"
    r"|method|policy|strength|version|status|state|enabled|required|valid|invalid|created|updated|rotated|rotation"
    r"|limit|used|usage|total|path|file|field|fields|url|uri|endpoint|arn|provider|store|manager|engine|source|hint"
    r"|format|algorithm|present|set|missing|seconds|ms|days|date|time|attempts"
)

#: Names of what an application hashes before it tells, and what that looks like.
SESSIONS = frozenset({"session.id", "session.previous_id"})
_HASHED = re.compile("hash:[0-9a-f]{32}")


class Names:
    """``further``: parts of names that the user adds, compared without case, "-", "_" and "."."""

    def __init__(self, further: Iterable[str] = ()) -> None:
        self._further = tuple(filter(None, map(_squeeze, further)))

    def is_secret(self, name: str) -> bool:
        """Whether an attribute of this name holds a secret."""
        words = [word.lower() for word in _WORD.findall(name)]
        is_found = _SECRET.search("_".join(words)) is not None and not _ABOUT.fullmatch(words[-1])
        if is_found or not self._further:
            return is_found
        squeezed = _squeeze(name)
        return any(part in squeezed for part in self._further)


def is_hidden(name: str, value: object) -> bool:
    """Whether this value is a secret under a name that tells one: there may be none, or only its hash."""
    if value is None or value is True or value is False or (isinstance(value, str) and not value):
        return False
    return not (name in SESSIONS and isinstance(value, str) and _HASHED.fullmatch(value))


def _squeeze(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")
