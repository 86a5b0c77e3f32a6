"""What a client accepts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from tidegate.serve.encoding import accepts_gzip, gzipped, preferred
from tidegate.serve.message import JSON, NDJSON, Body
from tidegate.serve.prometheus import OPENMETRICS, TEXT


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=1.000", True),
        ("gzip ; q=0.5 , identity ; q=0.5", True),
        ("gzip;q=0.001", True),
        ("identity;q=0, gzip;q=0.1", True),
        ("identity;q=0, *", True),
        ("", False),
        ("identity", False),
        ("deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=nan", False),
        ("gzip;q=inf", False),
        ("gzip;q=-1", False),
        ("gzip;q=2", False),
        ("gzip;q=1e9", False),
        ("gzip;q=1²", False),
        ("gzip;q=", False),
        ("gzip;q", False),
        (";;,;=,q=1", False),
        ("a," * 5000 + "gzip", False),
    ],
)
def test_gzip_is_for_who_accepts_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("", NDJSON),
        ("*/*", NDJSON),
        ("text/html", NDJSON),
        ("text/plain", TEXT),
        ("text/*", TEXT),
        ("TEXT/PLAIN; version=0.0.4", TEXT),
        ("application/openmetrics-text; version=1.0.0, text/plain;q=0.5, */*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4", OPENMETRICS),
        ("application/openmetrics-text;q=0, text/plain;q=0.1", TEXT),
        ("application/*", NDJSON),
        ("application/x-ndjson;q=0, */*", TEXT),
        ("*/*;q=0", NDJSON),
        (";;;,,,/,=", NDJSON),
    ],
)
def test_the_media_type_is_the_one_that_is_liked_best(header: str, media: str) -> None:
    assert preferred(header, (NDJSON, TEXT, OPENMETRICS)) == media


def test_a_browser_prefers_a_page_and_a_script_json() -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert preferred(browser, (JSON, "text/html")) == "text/html"
    assert preferred("*/*", (JSON, "text/html")) == JSON


def test_what_is_compressed_is_the_same_afterwards() -> None:
    chunks = [b"a" * 1000, b"", b"b" * 100_000, b"c"]
    packed = b"".join(gzipped(Body(iter(chunks))))
    assert zlib.decompress(packed, 31) == b"".join(chunks)


def test_closing_what_is_compressed_closes_what_it_comes_from() -> None:
    ended = []

    def chunks() -> Iterator[bytes]:
        try:
            yield b"a"
        finally:
            ended.append("chunks")

    body = gzipped(Body(chunks(), lambda: ended.append("release")))
    next(iter(body), None)
    body.close()
    assert ended == ["chunks", "release"]
