"""What a client accepts (RFC 9110, sections 12.4.2 and 12.5), and compression as a stream."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

from tidegate.serve.message import Body

#: zlib's level: most of the gain on lines of JSON for a fraction of the CPU, which is the application's.
LEVEL = 1

#: Entries of an Accept or Accept-Encoding header that are looked at.
MAX_ENTRIES = 64

_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")

#: With these window bits zlib writes gzip's format.
_GZIP_WINDOW = 31


def qualities(header: str) -> list[tuple[str, float]]:
    """The entries of an Accept or Accept-Encoding header with their q-values, in the order of the header."""
    found = []
    for item in header.split(",", MAX_ENTRIES)[:MAX_ENTRIES]:
        value, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, text = parameter.partition("=")
            if name.strip() == "q":
                quality = _quality(text.strip())
        if value:
            found.append((value, quality))
    return found


def _quality(text: str) -> float:
    """A q-value; what is none counts as a refusal."""
    return float(text) if _QUALITY.fullmatch(text) else 0.0


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip and does not like it less than no compression."""
    found = dict(qualities(header))
    gzip = found.get("gzip", found.get("x-gzip", found.get("*", 0.0)))
    return gzip > 0 and gzip >= found.get("identity", 0.0)


def preferred(header: str, offered: Sequence[str]) -> str:
    """The media type among those offered that an Accept header likes best; the first offered when it is a tie,
    or when it likes none, since an answer is better than none."""
    accepted = qualities(header) or [("*/*", 1.0)]
    return max(offered, key=lambda media: (_liking(media, accepted), -offered.index(media)))


def _liking(media: str, accepted: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers the media type."""
    bare = media.partition(";")[0]
    for pattern in (bare, bare.partition("/")[0] + "/*", "*/*"):
        found = [quality for value, quality in accepted if value == pattern]
        if found:
            return max(found)
    return 0.0


def gzipped(body: Body) -> Body:
    """The same body in gzip format; empty chunks stay what they are."""
    return Body(_compress(body), body.close)


def _compress(body: Body) -> Iterator[bytes]:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for chunk in body:
        packed = compressor.compress(chunk) if chunk else chunk
        if packed or not chunk:
            yield packed
    yield compressor.flush()
