"""The text of whatever was logged, to be mined: bounded, encodable, and without ever raising."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidegate.patterns.mask import LOOKED_AT

#: Keys under which structured logging puts the message.
_MESSAGES = ("event", "message", "msg", "body", "text")
_KEYS = 16
_JSON_MESSAGE = re.compile(r'"(?:event|message|msg)" ?: ?"((?:[^"\\]|\\.){1,512})"')


def text_of(message: object) -> str:
    """What is mined of a message: its text, or what stands for it; at most a little more than what is looked at."""
    try:
        text = _text(message)
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    except Exception:  # an object of the application, whose __str__ may do anything
        return f"<unprintable {type(message).__name__}>"
    return text


def _text(message: object) -> str:
    if isinstance(message, str):
        return _plain(str.__getitem__(message, slice(LOOKED_AT + 1)))
    if isinstance(message, (bytes, bytearray, memoryview)):
        return _plain(bytes(message[: LOOKED_AT + 1]).decode("utf-8", "replace"))
    if isinstance(message, Mapping):
        return _mapping(message)
    if isinstance(message, (list, tuple, set, frozenset)):
        return f"<{type(message).__name__} object>"  # its repr may be of any length
    if isinstance(message, BaseException):
        return f"{type(message).__name__}: {str(message)[:LOOKED_AT]}"
    return _plain(str(message)[: LOOKED_AT + 1])


def _plain(text: str) -> str:
    """JSON of structured logging stands for its message."""
    if text[:1] == "{" and (found := _JSON_MESSAGE.search(text)):
        return found[1]
    return text


def _mapping(message: Mapping[object, object]) -> str:
    for key in _MESSAGES:
        value = message.get(key)
        if isinstance(value, str) and value:
            return value[: LOOKED_AT + 1]
    keys = [str(key)[:64] for key, _ in zip(message, range(_KEYS), strict=False)]
    return "mapping of " + " ".join(sorted(keys))
