"""Totals of a store that has lost its checkpoint: what is sealed is counted anew, so that no counter falls."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import sealing
import tidegate.store
from making import resource
from metering import Made, gauge, histogram, put_points, shown
from tidegate.store.location import CHECKPOINT
from tidegate.store.metrics import checkpoint
from tidegate.store.sinks import FileSink
from tidegate.store.upkeep import files


def keep(directory: Path) -> None:
    checkpoint.keep(str(directory), lambda: files.of_segments(files.listed(str(directory))), 3600)


def run_process(directory: Path, *collections: list[Made], **fields: Any) -> None:
    """A process that ends after these collections."""
    writer = FileSink(str(directory))
    for points in collections:
        put_points(writer, *points, **fields)
    writer.close()


def read(directory: Path, **options: Any) -> dict[str, Any]:
    with tidegate.store.open(directory, **options) as reader:
        return shown(reader.current_metrics())


@pytest.fixture(params=["missing", pytest.param("damaged", marks=pytest.mark.damaging)])
def lost(request: pytest.FixtureRequest, store_dir: Path) -> Path:
    """A store of three ended processes, sealed, and the checkpoint gone."""
    for number in (1, 2, 3):
        counts = [[Made("orders", number * at, at=at), histogram("wait", [number] * at, [])] for at in (1, 2)]
        run_process(store_dir, *counts)
    keep(store_dir)
    sealing.seal(str(store_dir), block_rows=2)
    if request.param == "missing":
        (store_dir / CHECKPOINT).unlink()
    else:
        (store_dir / CHECKPOINT).write_bytes(b"nothing of the kind")
    return store_dir


def test_readers_count_what_is_sealed(lost: Path) -> None:
    assert read(lost) == {"orders": 12, "wait": 12}


def test_upkeep_makes_the_checkpoint_anew_of_what_is_sealed(lost: Path) -> None:
    keep(lost)
    for path in sealing.sealed(str(lost)):
        Path(path).unlink()
    assert read(lost) == {"orders": 12, "wait": 12}


def test_what_is_active_is_counted_behind_what_is_sealed(lost: Path) -> None:
    writer = FileSink(str(lost))
    put_points(writer, Made("orders", 5), gauge("size", 7))
    assert read(lost)["orders"] == 17
    keep(lost)
    assert read(lost) == {"orders": 17, "wait": 12, "size": 7}
    writer.close()


def test_a_reader_that_is_open_goes_over_to_the_new_one(lost: Path) -> None:
    with tidegate.store.open(lost) as reader:
        before = shown(reader.current_metrics())
        keep(lost)
        run_process(lost, [Made("orders", 8)])
        assert shown(reader.current_metrics()) == {**before, "orders": 20}


def test_a_living_process_whose_former_segments_are_sealed_is_counted_once(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=0)
    for number in range(1, 5):
        put_points(writer, Made("orders", number, at=number))
    sealing.seal(str(store_dir), block_rows=2)
    assert read(store_dir) == {"orders": 4}
    put_points(writer, Made("orders", 9, at=9))
    assert read(store_dir) == {"orders": 9}
    writer.close()


def test_resources_and_services_stay_apart(store_dir: Path) -> None:
    for service in ("shop", "pay"):
        run_process(store_dir, [Made(service, 1)], [Made(service, 2, at=1)], of=resource(service))
    sealing.seal(str(store_dir))
    assert (read(store_dir), read(store_dir, service="pay")) == ({"shop": 2, "pay": 2}, {"pay": 2})


def test_the_order_in_which_files_were_sealed_does_not_matter(store_dir: Path) -> None:
    writer = FileSink(str(store_dir), rotate_bytes=0)
    for number in range(1, 7):
        put_points(writer, Made("orders", number, at=number))
    writer.close()
    paths = sealing.ended(str(store_dir))
    random.Random(5).shuffle(paths)
    for path in paths:
        sealing.seal(str(store_dir), [path])
    assert read(store_dir) == {"orders": 6}
