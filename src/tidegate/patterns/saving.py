"""A miner in a file: JSON, its format versioned, written whole or not at all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigurationError
from tidegate.patterns.pattern import KINDS, Pattern, living
from tidegate.patterns.sites import Site

if TYPE_CHECKING:
    from tidegate.patterns.miner import Miner

FORMAT = "tidegate-patterns"
VERSION = 1
#: Stands for a place whose texts are mined.
WRAPPER = Pattern("", "", "site")


def dump(miner: Miner) -> dict[str, Any]:
    """What a miner knows, as JSON can carry it. Holes that are not variables yet are learned anew."""
    keeper = miner._keeper
    patterns = keeper.by_id.values()
    return {
        "format": FORMAT,
        "version": VERSION,
        "max_patterns": miner.max_patterns,
        "max_bytes": miner.max_bytes,
        "keep_status_codes": miner.keep_status_codes,
        "evicted": miner.evicted,
        "overflowed": miner.overflowed,
        "other": keeper.other.count,
        "patterns": [[p.id, p.kind, p.count, p.template] for p in patterns if p.into is None],
        "became": {p.id: living(p).id for p in patterns if p.into is not None},
        "masked": {text: living(p).id for text, p in keeper.masked.items() if not p.gone and text != p.template},
        "stretches": miner._merger.gaps.stretches(),
        "templates": {text: p.id for text, p in miner._templates.items() if not p.gone},
        "sites": [
            [*key, s.pattern.id if s.pattern else None, s.words, s.shared, s.looked, s.varies]
            for key, s in miner._places.items()
        ],
    }


def write(path: str | os.PathLike[str], data: dict[str, Any]) -> None:
    """Writes beside the file, then takes its place, so that a crash leaves the old one."""
    import tempfile  # brings a dozen modules

    path = os.fspath(path)
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: str | os.PathLike[str]) -> Any:
    """The JSON of a file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise _refused(os.fspath(path), f"it is no JSON ({error})") from error


def restore(cls: type[Miner], data: Any, path: str) -> Miner:
    """The miner that was dumped."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _refused(path, f'its "format" is not "{FORMAT}"')
    if data.get("version") != VERSION:
        raise _refused(path, f"it is of version {data.get('version')!r}, and this Tidegate reads version {VERSION}")
    try:
        return _restored(cls, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused(path, f"{type(error).__name__}: {error}") from error


def _restored(cls: type[Miner], data: dict[str, Any]) -> Miner:
    names = ("max_patterns", "max_bytes", "keep_status_codes")
    miner = cls(**{name: data[name] for name in names})
    keeper = miner._keeper
    miner.overflowed, keeper.evicted, keeper.other.count = (
        int(data["overflowed"]),
        int(data["evicted"]),
        int(data["other"]),
    )
    for id, kind, count, template in data["patterns"]:
        if kind not in KINDS or not isinstance(id, str) or not isinstance(template, str):
            raise ValueError(f"no pattern: {[id, kind, count, template]!r}")
        keeper.put(Pattern(id, template, kind, int(count)))
    for id, end in data["became"].items():
        alias = Pattern(id, "", "mined")
        alias.into = keeper.by_id[end]
        keeper.put(alias)
    for pattern in keeper.living():
        if pattern.kind == "mined":
            keeper.masked[pattern.template] = pattern
            miner._merger.restore(pattern)
    for prefix, suffix, id in data["stretches"]:
        miner._merger.gaps.learn((prefix, suffix), keeper.by_id[id])
    keeper.masked.update((text, keeper.by_id[id]) for text, id in data["masked"].items())
    for text, id in data["templates"].items():
        keeper.index(miner._templates, text, keeper.by_id[id])
    for path, line, id, words, shared, looked, varies in data["sites"]:
        site = Site(keeper.by_id[id] if id else None, path, line)
        site.words, site.shared, site.looked, site.varies = words, shared, int(looked), bool(varies)
        keeper.index(miner._places, (path, line), site)
        keeper.index(miner._sites, (path, line), site.pattern or WRAPPER)
    return miner


def _refused(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} cannot be loaded as patterns: {why}. It must be a file written by Miner.save; delete it to begin anew."
    )
