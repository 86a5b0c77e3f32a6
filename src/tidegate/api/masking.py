"""Keys as they may be shown: enough to tell which one it is, never enough to use it."""

from __future__ import annotations

#: Characters that are shown at the beginning and at the end, and below how many none is.
_BEGIN, _END, _SHORTEST = 6, 2, 24

_MASK = "..."


def mask_secret(key: object) -> str:
    """``key`` with its first six and last two characters, for logs and messages: ``phx_ab...yz``.

    Below 24 characters, as passwords are, nothing of it is shown, not even how long it is; nor of what is no text. What
    is empty or None stays empty. Never raises.

    >>> mask_secret("phx_" + "abcdefgh" * 4)
    'phx_ab...gh'
    >>> mask_secret("hunter22")
    '***'
    """
    if key is None:
        return ""
    if not isinstance(key, str) or len(key) < _SHORTEST:
        return "" if isinstance(key, str) and not key else "***"
    return f"{key[:_BEGIN]}{_MASK}{key[-_END:]}"
