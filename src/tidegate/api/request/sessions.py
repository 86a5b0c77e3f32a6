"""Session ids, which let whoever has one act as the user, as something that only tells sessions apart."""

from __future__ import annotations

import re
from hashlib import blake2b

from tidegate.record.plain import text

_HASHED = re.compile(r"hash:[0-9a-f]{32}")


def hashed_session(value: object) -> str:
    """A session's id by which its records can be found, and nobody can take the session over.

    ``hash:`` and 32 hexadecimal digits of BLAKE2b, the same in every process. What has that form already stays as it
    is, so that ids which the application has from us may pass through here again.

    >>> hashed_session("f2c1a9")
    'hash:b06c545791ecde5af5dab23428de62a9'
    """
    if isinstance(value, str) and _HASHED.fullmatch(value):
        return value
    return hash_of(value)


def hash_of(value: object) -> str:
    """The hash of a session's id, whatever that looks like."""
    data = value if isinstance(value, bytes) else text(value).encode("utf-8", "surrogatepass")
    return "hash:" + blake2b(data, digest_size=16, person=b"tidegate.session").hexdigest()
