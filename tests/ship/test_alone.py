"""Without a disk each process leads for itself."""

from __future__ import annotations

import os

import pytest

from tidegate.ship.election import Superseded
from tidegate.ship.memory import Alone


def test_who_is_alone_leads_and_goes_on() -> None:
    alone = Alone()
    assert alone.try_lead() is alone
    alone.release()
    assert alone.holds()
    assert alone.beat()


def test_a_forked_child_is_not_the_one_that_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Alone()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert alone.try_lead() is None
    assert not alone.beat()
    with pytest.raises(Superseded):
        alone.check()
