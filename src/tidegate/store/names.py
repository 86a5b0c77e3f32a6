"""The names of a store's files. Whatever is called otherwise belongs to somebody else, and is left alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidegate.store.location import ROUTES

#: A segment, its lock, or a segment that was set aside: when it was begun (ns), of a sealed or merged one also when
#: it ended, its id, of a sealed one its class, and what it is.
SEGMENT = re.compile(
    r"(?P<start>[0-9]{20})-(?:(?P<end>[0-9]{20})-)?[0-9a-f]{16}(?:\.(?P<kind>[a-z-]+))?"
    r"\.(?P<ending>active|merged|sealed|lock)(?P<damaged>\.damaged)?"
)

#: What lies beside them, and was set aside there.
_BESIDE = re.compile(r"(exchange\.json|deleted\.json|metrics\.checkpoint)(\.damaged)?|(upkeep|deleted)\.lock")

#: What either is called until it is complete, and the file by which a check-up sees whether there is room.
_UNFINISHED = re.compile(r"(?P<of>.+?)((\.mended)?\.partial|\.fresh)|(?P<lock>.+\.lock)\.new")
_PROBE = re.compile(r"health-[0-9a-f]{16}\.partial")


def is_own(name: str) -> bool:
    """Whether a file of this name is one of the store's, finished or not, or the directory of its routes."""
    return _is_finished(name) or is_unfinished(name) or name == ROUTES


def is_segment(name: str) -> bool:
    """Whether this is the name of a segment that readers look at."""
    found = SEGMENT.fullmatch(name)
    return found is not None and found["ending"] != "lock" and not found["damaged"]


def is_unfinished(name: str) -> bool:
    """Whether this is the name that one of the store's files has before it is complete."""
    found = _UNFINISHED.fullmatch(name)
    return found is not None and (_is_finished(found["of"] or found["lock"]) or bool(_PROBE.fullmatch(name)))


def _is_finished(name: str) -> bool:
    return bool(SEGMENT.fullmatch(name) or _BESIDE.fullmatch(name))


def is_store(names: Iterable[str]) -> bool:
    """Whether a directory with files of these names is used as a store. That of routes is no proof: many a program's
    directory has one of that name."""
    return any(is_own(name) and name != ROUTES for name in names)
