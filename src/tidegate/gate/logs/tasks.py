"""Which asyncio task, or thread, something runs in."""

from __future__ import annotations

import sys
import threading
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

_numbers = count(1)
_keys: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def current_task() -> int:
    """A number for the asyncio task, else the thread, that this runs in; never used twice."""
    asyncio = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no event loop runs here
        task = None
    owner = task if task is not None else threading.current_thread()
    number = _keys.get(owner)
    if number is None:
        number = _keys[owner] = next(_numbers)
    return number
