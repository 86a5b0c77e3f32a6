"""Which names of attributes tell that the value is a secret: by whole words, so that a secretary has none."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Where the words of a name part: at everything else, and where case or digits change.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")

_KEYS = (
    "api|access|private|secret|signing|encryption|account|shared|master|license|subscription|client|auth|app|application"
    "|service|consumer|webhook|deploy|session|ssh|hmac|jwt|aes|functions"
)

#: Of names in words that are joined by "_". A password may end a longer word ("dbpassword"); the others of the first
#: line are at a word's end, too. What is only meant at the end of a name stands in the second.
_SECRET = re.compile(
    rf"(?:passw(?:or)?[dt]s?|passphrase|passcode|secrets?|credentials?|(?:{_KEYS})_?keys?|auth(?:orization)?_?(?:header|code))"
    r"(?:_|\Z)"
    r"|(?:access|refresh|auth|session|csrf|xsrf|api|bearer|security|id|identity|bot|verification)_?tokens?\Z"
    r"|(?<!page_)(?<!page)(?<!ation_)(?<!ation)token(?:_value)?\Z"
    r"|(?:\A|_)(?:authorization|cookies?|pass|pwd|pw|jwt|auth|(?<!gpio_)pin|cvv|cvc|ssn|otp|totp|sig)\Z"
    r"|(?:\A|_)(?:otp|mfa|2_?fa|totp|verification|recovery|security)_codes?\Z|(?:\A|_)backup_codes\Z|security_answers?\Z"
    r"|session_?id\Z|connect_sid\Z|(?:php|j)sess(?:ion)?_?id\Z|card_?(?:number|no)\Z|(?:\A|_)(?:cc_?num(?:ber)?|credit_card)\Z"
    r"|(?:\A|_)(?:creds|cvv_?2|cvc_?2|csc|csrf|xsrf|mnemonic|seed_phrase|social_security_number)\Z"
    r"|(?:\A|_)(?:pg|db|root|admin)(?:pass|pw)\Z|client_assertion\Z|saml_?response\Z"
)

#: What a name ends with that tells something about a secret.
_ABOUT = re.compile(
    r"count|length|len|size|name|names|type|kind|reset|changed|change|age|expiry|expires|expired|expiration|at|ttl"
    r"|method|policy|strength|version|status|state|enabled|required|valid|invalid|created|updated|rotated|rotation"
    r"|limit|used|usage|total|path|file|field|fields|url|uri|endpoint|arn|provider|store|manager|engine|source|hint"
    r"|format|algorithm|present|set|missing|seconds|ms|days|date|time|attempts|uid"
)

#: Ids of keys, which are not the keys; the id of a secret, or of a session, is one.
_KEY_ID = re.compile(r"(?:\A|_)keys?_id\Z")

#: How one signs in, under a name that may tell with what.
_METHOD = re.compile(
    r"none|basic|digest|bearer|oauth[12]?|oidc|saml2?|ldaps?|kerberos|ntlm|negotiate|jwt|m?tls|iam|sso|webauthn|passkey"
    r"|api[-_]?key|token|cookie|session|password|anonymous|required|optional|ok|failed|passed",
    re.IGNORECASE,
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
        joined = "_".join(words)
        is_found = _SECRET.search(joined) is not None and not (_ABOUT.fullmatch(words[-1]) or _KEY_ID.search(joined))
        if is_found or not self._further:
            return is_found
        squeezed = _squeeze(name)
        return any(part in squeezed for part in self._further)


def is_hidden(name: str, value: object) -> bool:
    """Whether this value is a secret under a name that tells one: there may be none, only its hash, how one signs in
    (``auth``), or how many have passed (``pass``)."""
    if value is None or value is True or value is False:
        return False
    if not isinstance(value, str):
        return not (isinstance(value, (int, float)) and name.lower().endswith("pass"))
    if not value:
        return False
    is_harmless = (name in SESSIONS and _HASHED.fullmatch(value)) or (
        name.lower().endswith("auth") and _METHOD.fullmatch(value)
    )
    return not is_harmless


def _squeeze(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")
