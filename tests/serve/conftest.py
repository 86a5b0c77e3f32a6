"""Servers of all kinds, started at once and kept for all tests that only ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from mounting import MOUNTS, Mounted, Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    shop.writer.close()


@pytest.fixture(scope="session")
def servers(shop: Shop) -> Iterator[dict[str, Mounted]]:
    with ExitStack() as stack, ThreadPoolExecutor(len(MOUNTS)) as pool:
        started = {name: pool.submit(stack.enter_context, shop.serve(mount)) for name, mount in MOUNTS.items()}
        yield {name: server.result() for name, server in started.items()}


@pytest.fixture(params=MOUNTS)
def mounted(request: pytest.FixtureRequest, servers: dict[str, Mounted]) -> Mounted:
    return servers[request.param]
