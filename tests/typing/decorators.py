"""Decorators keep the types of what they decorate; mypy and pyright read this, nothing runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from opentelemetry.trace import SpanKind
from typing_extensions import assert_type

import tidegate


@tidegate.traced
def bare(a: int, b: str = "") -> float:
    return a


@tidegate.traced("named", arguments=("a",), kind=SpanKind.CLIENT, attributes={"x": 1}, record_exception=False)
def named(a: int, *, b: str = "") -> float:
    return a


@tidegate.instrument
async def later(a: int) -> str:
    return str(a)


@tidegate.instrument("rows", arguments={"order.id": "order.id"}, span=False, attributes={"shop": "north"})
def rows(order: object) -> Iterator[int]:
    yield 1


@tidegate.track_event
async def pages(a: int) -> AsyncIterator[bytes]:
    yield b""


def extracted(a: int) -> dict[str, int]:
    return {"b": a}


@tidegate.track_event(event="e", arguments=("a",), extract=extracted, category="c", on_error=True)
def evented(a: int) -> list[int]:
    return [a]


@tidegate.track_error
def tracked(a: int) -> list[int]:
    return [a]


@tidegate.track_error(arguments=("a",))
def tracked_more(a: int) -> list[int]:
    return [a]


@tidegate.track_error(reraise=False)
def forgiven(a: int) -> list[int]:
    return [a]


@tidegate.track_error(reraise=False)
async def forgiven_later(a: int) -> list[int]:
    return [a]


@tidegate.timer("t")
def timed(a: int) -> list[int]:
    return [a]


@tidegate.timed_log("m")
async def timed_log(a: int) -> list[int]:
    return [a]


@tidegate.log_context(tenant="north")
def in_context(a: int) -> list[int]:
    return [a]


@tidegate.log_context({"tenant.id": 7})
async def in_context_later(a: int) -> list[int]:
    return [a]


class Shop:
    @tidegate.traced
    def method(self, a: int) -> str:
        return str(a)

    @classmethod
    @tidegate.instrument("open")
    def open(cls, a: int) -> Shop:
        return cls()

    @staticmethod
    @tidegate.track_event
    def static(a: int) -> str:
        return str(a)

    @property
    @tidegate.traced
    def total(self) -> int:
        return 1


async def check(shop: Shop) -> None:
    assert_type(bare(1, b="x"), float)
    assert_type(named(1, b="x"), float)
    assert_type(await later(1), str)
    assert_type(rows(1), Iterator[int])
    assert_type(pages(1), AsyncIterator[bytes])
    assert_type(evented(a=1), list[int])
    assert_type(tracked(1), list[int])
    assert_type(tracked_more(1), list[int])
    assert_type(forgiven(1), list[int] | None)
    assert_type(await forgiven_later(1), list[int] | None)
    assert_type(timed(1), list[int])
    assert_type(await timed_log(1), list[int])
    assert_type(in_context(1), list[int])
    assert_type(await in_context_later(1), list[int])
    assert_type(shop.method(1), str)
    assert_type(Shop.open(1), Shop)
    assert_type(Shop.static(1), str)
    assert_type(shop.total, int)
    assert_type(tidegate.traced("by hand")(shop.method)(1), str)


def check_that_arguments_are_checked(shop: Shop) -> None:
    """Without these comments both checkers complain; both are told to complain about one too many."""
    bare("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bare(c=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shop.method("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Shop.open()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    tidegate.traced(arguments=7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    tidegate.instrument("name", kind=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
