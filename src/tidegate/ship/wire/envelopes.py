"""Records under their scopes and resources: what all three requests look like.

A request's field 1 holds a message for each resource: 1 the resource, 2 those of its scopes, 3 its schema's URL;
each of a scope likewise: 1 the scope, 2 the records, 3 the schema's URL (opentelemetry/proto/*/v1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tidegate.records import Resource, Scope
from tidegate.ship.wire.pieces import heads, taker, texts
from tidegate.ship.wire.values import attributes

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark, Picked

#: Makes the messages of some rows.
Messages = Callable[[Any, Sequence[int], "Sequence[Mark] | None"], Iterable[bytes]]

_OUTER, _OWNER, RECORD, _SCHEMA = heads(1), heads(1), heads(2), texts(3)

_RESOURCE_ATTRIBUTES, _SCOPE_ATTRIBUTES = attributes(1), attributes(3)

_NAME, _VERSION = texts(1), texts(2)

#: What a resource or scope is told apart by: its message and its schema's URL.
Key = tuple[bytes, str]


def of_resource(resource: Resource) -> Key:
    return _RESOURCE_ATTRIBUTES.of(resource.attributes), resource.schema_url


def of_scope(scope: Scope) -> Key:
    return (
        _NAME[scope.name] + _VERSION[scope.version] + _SCOPE_ATTRIBUTES.of(scope.attributes),
        scope.schema_url,
    )


class Request:
    """Records by their resources and scopes, in the order in which these come."""

    def __init__(self) -> None:
        self._resources: dict[Key, dict[Key, list[bytes]]] = {}

    def within(self, resource: Resource, scope: Scope) -> list[bytes]:
        """What has the records of a scope: a head before each of them."""
        scopes = self._resources.setdefault(of_resource(resource), {})
        return scopes.setdefault(of_scope(scope), [])

    def dumps(self) -> bytes:
        out: list[bytes] = []
        for key, scopes in self._resources.items():
            content = _owned(key, b"".join([_with_head(RECORD, _owned(*each)) for each in scopes.items()]))
            out += (_OUTER[len(content)], content)
        return b"".join(out)


def _owned(owner: Key, content: bytes | list[bytes]) -> bytes:
    message, schema_url = owner
    return b"".join(
        [_OWNER[len(message)], message, *([content] if type(content) is bytes else content), _SCHEMA[schema_url]]
    )


def _with_head(head: Any, content: bytes) -> bytes:
    return b"".join((head[len(content)], content))


def request(messages: Messages, picked: Iterable[Picked]) -> bytes:
    """One request of rows of blocks."""
    out = Request()
    for each in picked:
        if each.picked:
            _add(out, each, messages(each.rows, each.picked, each.marks))
    return out.dumps()


def _add(out: Request, each: Picked, messages: Iterable[bytes]) -> None:
    rows = each.rows
    take = taker(rows.count, each.picked)
    owners = list(zip(take(rows.resource), take(rows.scope), strict=True))
    lists = {owner: out.within(rows.resources[owner[0]], rows.scopes[owner[1]]) for owner in dict.fromkeys(owners)}
    if len(lists) == 1:
        [only] = lists.values()
        for message in messages:
            only += (RECORD[len(message)], message)
        return
    for owner, message in zip(owners, messages, strict=True):
        lists[owner] += (RECORD[len(message)], message)
