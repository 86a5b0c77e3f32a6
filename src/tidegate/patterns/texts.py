"""The text of whatever was logged, to be mined: bounded, encodable, and without ever raising."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from tidegate.patterns.mask import LOOKED_AT

#: Keys under which structured logging puts the message.
_MESSAGES = ("event", "message", "msg", "body", "text")
_KEYS = 16
_JSON_OBJECT = re.compile(r'\{\s*"')
#: Strings with the colon that makes them keys, and what opens and closes; a string that is cut off ends with the text.
_JSON_PARTS = re.compile(r'"((?:[^"\\]|\\.)*)(?:"(\s*:)?|\\?\Z)|[\[\]{}]', re.DOTALL)
_TRACEBACK, _FRAME = "Traceback (most recent call last):", "\n  File "
#: Characters within which a frame ends.
_LAST_FRAME = 4096
_RAISED = re.compile(r"\n([^\W\d].*)")
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
        return _plain(str.__str__(message))  # a subclass may slice as it likes
    if isinstance(message, (bytes, bytearray, memoryview)):
        return _plain(bytes(message[: LOOKED_AT + 1]).decode("utf-8", "replace"))
    if isinstance(message, Mapping):
        return _mapping(message)
    if isinstance(message, (list, tuple, set, frozenset)):
        return f"<{type(message).__name__} object>"  # its repr may be of any length
    if isinstance(message, BaseException):
        return f"{type(message).__name__}: {str(message)[:LOOKED_AT]}"
    return _plain(str(message))


def _plain(text: str) -> str:
    """JSON of structured logging stands for its message or its keys, a traceback for what was raised."""
    if text.startswith(_TRACEBACK) and (raised := _raised(text)):
        return raised
    text = text[: LOOKED_AT + 1]
    if not _JSON_OBJECT.match(text):
        return text
    if found := _JSON_MESSAGE.search(text):
        return found[1]
    keys = _json_keys(text)
    return _named(keys) if keys else text


def _raised(text: str) -> str:
    """What a traceback says after its last frame: type and text of the exception."""
    last = text.rfind(_FRAME)
    found = _RAISED.search(text[last : last + _LAST_FRAME]) if last >= 0 else None
    return found[1][: LOOKED_AT + 1] if found else ""


def _json_keys(text: str) -> list[str]:
    """The keys of the object that a text is, also where it is cut off; none when it is no single object."""
    depth = 0
    keys: list[str] = []
    for found in _JSON_PARTS.finditer(text):
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
            if depth == 0:
                return keys if not text[found.end() :].strip() else []
        elif depth == 1 and found[2]:
            keys.append(found[1])
    return keys if len(text) > LOOKED_AT else []


def _mapping(message: Mapping[object, object]) -> str:
    for key in _MESSAGES:
        value = message.get(key)
        if isinstance(value, str) and value:
            return value[: LOOKED_AT + 1]
    return _named(message)


def _named(keys: Iterable[object]) -> str:
    return "mapping of " + " ".join(sorted(str(key)[:64] for key in islice(keys, _KEYS)))
