"""What a check says: data, so that people, programs and the repair read the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

#: ``note`` is harmless, ``newer`` is not ours to judge, ``damage`` means that records cannot be read, would be
#: missed or would be counted twice.
Severity = Literal["note", "newer", "damage"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one file of a store.

    ``offset`` is a byte of an active segment, ``block`` the id of a block of a sealed one; ``repair`` says what
    ``--repair`` would do, or has done, and is empty where there is nothing to do or nothing that it can do.
    """

    file: str
    what: str
    severity: Severity = "damage"
    offset: int | None = None
    block: int | None = None
    repair: str = ""
    repaired: bool = False

    @property
    def is_damage(self) -> bool:
        """Whether this is damage that is still there."""
        return self.severity == "damage" and not self.repaired

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"file": self.file, "severity": self.severity, "what": self.what}
        out |= {} if self.offset is None else {"offset": self.offset}
        out |= {} if self.block is None else {"block": self.block}
        return {**out, "repair": self.repair, "repaired": self.repaired}
