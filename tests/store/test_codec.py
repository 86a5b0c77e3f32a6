"""Frames, made by compressors that each thread keeps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tidegate.store import codec


@pytest.mark.parametrize("level", [1, 3])
@pytest.mark.parametrize("length", [0, 1, 300, 300_000])
def test_each_frame_stands_alone(level: int, length: int) -> None:
    first, second = (bytes([at % 7 for at in range(length)]), b"x" * length)
    frames = [codec.compress(raw, level) for raw in (first, second)]
    assert [codec.decompress(frame) for frame in reversed(frames)] == [second, first]


def test_threads_compress_at_the_same_time() -> None:
    raws = [bytes([number]) * 100_000 for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert list(map(codec.decompress, pool.map(codec.compress, raws))) == raws


def test_a_compressor_that_failed_is_not_used_again() -> None:
    with pytest.raises(TypeError):
        codec.compress("no bytes")  # type: ignore[arg-type]
    assert codec.decompress(codec.compress(b"bytes")) == b"bytes"
