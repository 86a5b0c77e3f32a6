"""A callable that is given by its place: `tidegate.kinds.Named`."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tidegate.kinds import Named


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the application's that has been imported."""
    module = ModuleType("shop_of_named")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_it_is_called_with_what_it_is_given(shop: ModuleType) -> None:
    shop.__dict__["add"] = lambda first, second: first + second
    assert Named("shop_of_named:add")(1, 2) == 3


def test_an_attribute_of_an_object_can_be_named(shop: ModuleType) -> None:
    shop.__dict__["text"] = str
    assert Named("shop_of_named:text.upper")("a") == "A"


def test_it_can_be_made_before_its_module_can_be_imported() -> None:
    assert str(Named("shop_that_is_not_there:add")) == "shop_that_is_not_there:add"


def test_what_cannot_be_had_is_said(shop: ModuleType) -> None:
    with pytest.raises(LookupError, match="shop_of_named:add cannot be had: AttributeError"):
        Named("shop_of_named:add")()


def test_what_cannot_be_had_is_not_looked_for_again_at_once(shop: ModuleType) -> None:
    named = Named("shop_of_named:add")
    with pytest.raises(LookupError):
        named()
    shop.__dict__["add"] = lambda: 3
    with pytest.raises(LookupError):
        named()


def test_what_could_not_be_had_is_found_later(shop: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.kinds.RETRY_S", 0.0)
    named = Named("shop_of_named:add")
    with pytest.raises(LookupError):
        named()
    shop.__dict__["add"] = lambda: 3
    assert named() == 3
