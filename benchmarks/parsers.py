"""Parsers under comparison, behind one interface: text to id, and what became of an id."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Callable, Hashable
from typing import NamedTuple


class Parsing(NamedTuple):
    """One parser at work, with its state."""

    parse: Callable[[str], Hashable]
    resolve: Callable[[Hashable], Hashable] = lambda id: id


#: Masks of Drain3's own README (drain3.ini, section MASKING).
README_MASKS = (
    (r"((?<=[^A-Za-z0-9])|^)(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))((?=[^A-Za-z0-9])|$)", "ID"),
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9A-F]{4} ?){4,}((?=[^A-Za-z0-9])|$)", "SEQ"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
    (r"(?<=executed cmd )(\".+?\")", "CMD"),
)

#: The predecessor's normalisation, in its order.
_SEED = [
    (re.compile(pattern), mark)
    for pattern, mark in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
        (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?\b", "TIMESTAMP"),
        (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "IP"),
        (r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b", "EMAIL"),
        (r"https?://[^\s]+", "URL"),
        (r"\b\d+\b", "N"),
    )
]


def has_drain() -> bool:
    """Whether Drain3 is installed to be compared with."""
    return importlib.util.find_spec("drain3") is not None


def drain(masks: tuple[tuple[str, str], ...] = ()) -> Parsing:
    """Drain3 with its defaults, or with masks."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(pattern, mark) for pattern, mark in masks]
    miner = TemplateMiner(config=config)
    return Parsing(lambda text: miner.add_log_message(text)["cluster_id"])


def predecessor() -> Parsing:
    """Six regexes, then a digest."""

    def parse(text: str) -> str:
        for pattern, mark in _SEED:
            text = pattern.sub(mark, text)
        return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()

    return Parsing(parse)


def miner() -> Parsing:
    """Tidegate's, on text alone."""
    from tidegate.patterns import Miner

    mining = Miner()

    def resolve(id: Hashable) -> Hashable:
        pattern = mining.resolve(str(id))
        return pattern.id if pattern else id

    return Parsing(lambda text: mining.match(text).id, resolve)


PARSERS: dict[str, Callable[[], Parsing]] = {
    "miner": miner,
    "drain": drain,
    "drain-masks": lambda: drain(README_MASKS),
    "seed": predecessor,
}
