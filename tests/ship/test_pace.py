"""The share of a core."""

from __future__ import annotations

import pytest

from tidegate.ship.pace import BURST_S, Share


def test_over_a_long_time_no_more_than_the_share_is_taken() -> None:
    share, now, used = Share(0.1), 100.0, 0.0
    for _ in range(1000):
        used += 0.02
        now += 0.02 + share.rest(0.02, now)
    assert used / (now - 100.0) == pytest.approx(0.1, rel=0.05)


def test_what_comes_after_a_while_need_not_wait() -> None:
    share = Share(0.1)
    assert share.rest(0.1 * BURST_S, 100.0) == 0.0
    assert share.rest(0.05, 100.0) == pytest.approx(0.5)
    assert share.rest(0.0, 101.0) == 0.0


def test_all_threads_have_one_share_together() -> None:
    share = Share(0.5)
    assert share.rest(0.5, 100.0) == 0.0
    assert share.rest(0.1, 100.0) == pytest.approx(0.2)
    assert share.rest(0.1, 100.0) == pytest.approx(0.4)
