"""Health: checks of the application's own and of the recording, each in a thread of its own.

    check.py      what is checked, how often and how strictly        checks.py        the built-in ones
    running.py    one run of a check, in its thread                  destinations.py  what records are sent to
    status.py     results to statuses, as pure functions
    registry.py   all checks of a process, and the one thread that starts them
    health.py     the public names

Nothing of it is loaded, and no thread runs, in an application that neither registers a check nor
asks for a report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.watch.check import Check

#: What makes the built-in checks of this process once somebody asks for a report. Whatever
#: configures the recording, or serves a store, adds to it.
builtin: list[Callable[[], list[Check]]] = []
