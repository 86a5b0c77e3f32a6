"""What a message is counted under."""

from __future__ import annotations

from hashlib import blake2b

KINDS = ("template", "site", "mined", "other")


class Pattern:
    """The template of messages that one statement of a program writes.

    ``id``        32 hexadecimal digits, blake2b of what names the pattern: its template's text, its call site, or the
                  masked text that was seen first; it never changes
    ``template``  the text with its variables as ``<*>`` or typed (``<num>``, ``<ip>``, …); grows more general
    ``count``     messages matched, exact
    ``kind``      "template", "site", "mined", or "other", which counts what no longer has a pattern
    ``into``      None while it lives, else the pattern that counts its messages now
    """

    __slots__ = ("__weakref__", "count", "due", "id", "into", "kind", "seen", "template")

    def __init__(self, id: str, template: str, kind: str, count: int = 0) -> None:
        self.id = id
        self.template = template
        self.kind = kind
        self.count = count
        self.into: Pattern | None = None
        self.due = 0  # of a call site: its count when its text is looked at next
        self.seen = 0  # its count when it was last looked whether it is still in use

    @property
    def gone(self) -> bool:
        """Whether it made room for others: what it counted is in the other pattern."""
        return self.kind != "other" and living(self).kind == "other"

    def __repr__(self) -> str:
        return f"Pattern({self.id!r}, {self.template!r}, kind={self.kind!r}, count={self.count})"


def identify(kind: str, name: str) -> str:
    """The id of what has this name, the same in every process."""
    return blake2b(f"{kind}\0{name}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def living(pattern: Pattern) -> Pattern:
    """The pattern that counts for this one now."""
    while pattern.into is not None:
        pattern = pattern.into
    return pattern
