"""Who a user is: an id as text, from whatever frameworks and applications call a user.

Nothing here asks a database: of lazy objects only what is there already is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

#: Characters of an id; what is longer is something else, such as a token.
MAX_LENGTH = 256

#: What a user has its id under. A primary key is always loaded; ``identity`` is Starlette's.
_NAMES = ("pk", "id", "identity")

_IDS = (str, int, bytes, UUID)


def user_id(user: Any) -> str | None:
    """The id of a user, or of what is one itself; None for nobody, and for who is not authenticated.

    Raises what the user's properties do.
    """
    if user is None or isinstance(user, _IDS):
        return as_id(user)
    if isinstance(user, Mapping):
        return next(filter(None, (as_id(user.get(name)) for name in _NAMES)), None)
    if getattr(user, "is_authenticated", True) is False:
        return None
    return next(filter(None, (as_id(_field(user, name)) for name in _NAMES)), None)


def as_id(value: Any) -> str | None:
    """``value`` as the text of an id; None for what cannot be one."""
    if value is None or isinstance(value, (bool, Mapping, list, tuple, set)) or callable(value):
        return None
    if isinstance(value, bytes):
        text = value.decode() if value.isascii() and value.decode().isprintable() else value.hex()
    else:
        text = str(value)
    return text if 0 < len(text) <= MAX_LENGTH and not text.startswith("<") else None


def _field(user: Any, name: str) -> Any:
    """A user's field, unless it would have to be fetched."""
    fields = getattr(user, "__dict__", {})
    if name in fields:
        return fields[name]
    state = fields.get("_sa_instance_state")  # of SQLAlchemy: after a commit, each field is a query
    if state is not None:
        identity = state.identity if name == _NAMES[0] else None
        return identity[0] if identity and len(identity) == 1 else None
    try:
        return getattr(user, name, None)
    except NotImplementedError:  # what Starlette's BaseUser says of a property that a class does without
        return None
