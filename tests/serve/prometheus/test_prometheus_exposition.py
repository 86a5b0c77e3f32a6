"""An exposition that is kept from scrape to scrape, and its chunks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from serve.prometheus.samples import counter, gauge, histogram, text
from tidegate.records import Resource
from tidegate.serve.prometheus import Exposition, expose, render


def rendered(exposition: Exposition, points: object, *, openmetrics: bool = False) -> str:
    return b"".join(exposition.render(points, openmetrics=openmetrics)).decode()  # type: ignore[arg-type]


def test_a_second_scrape_has_the_new_values() -> None:
    kept, points = Exposition(), [counter("c", 1), gauge("g", 1), histogram("h", [1, 2], [1.0])]
    assert rendered(kept, points) == text(points)
    points[0].value, points[1].value = {"as_int": 2}, {"as_double": 2.5}
    points[2].value = {"count": 5, "sum": 1.0, "bucket_counts": [2, 3], "explicit_bounds": [1.0]}
    again = rendered(kept, points)
    assert again == text(points)
    assert 'h_bucket{service_name="shop",le="+Inf"} 5\n' in again


def test_both_formats_come_from_one_exposition() -> None:
    kept, points = Exposition(), [counter("c", 1), histogram("h", [1, 2], [1.0], total=None)]
    assert [rendered(kept, points, openmetrics=each) for each in (True, False)] == [
        text(points, openmetrics=each) for each in (True, False)
    ]


def test_a_new_resource_gives_new_labels() -> None:
    kept, made = Exposition(), counter("c", 1)
    rendered(kept, [made])
    made.resource = Resource({"service.name": "other"})
    assert 'c_total{service_name="other"} 1\n' in rendered(kept, [made])


def test_points_that_went_are_not_shown_again() -> None:
    kept = Exposition()
    for number in range(50):
        made = [counter("c", number, {"n": str(number)})]
        assert rendered(kept, made) == text(made)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "MAX_SERIES", 10)
    kept = Exposition()
    for number in range(5):
        points = [counter("c", 1, {"n": f"{number}-{each}"}) for each in range(8)]
        assert rendered(kept, points) == text(points)
    assert len(kept._series) <= 18


def test_chunks_are_bounded() -> None:
    points = [counter("c", 1, {"n": "x" * 100 + str(number)}) for number in range(2000)]
    chunks = list(expose(points))
    assert len(chunks) > 3
    assert max(map(len, chunks)) < render.CHUNK + 300


def test_threads_may_render_at_once() -> None:
    kept = Exposition()
    points = [histogram("h", [1, 2, 3], [0.5, 1.0], {"n": str(number)}) for number in range(300)]
    expected = {each: text(points, openmetrics=each) for each in (False, True)}
    with ThreadPoolExecutor(4) as pool:
        jobs = [(each, pool.submit(rendered, kept, points, openmetrics=each)) for each in (False, True) * 10]
        assert all(job.result() == expected[each] for each, job in jobs)
