"""Records under their scopes and resources: what all three requests look like.

A request's field 1 holds a message for each resource: 1 the resource, 2 those of its scopes, 3 its schema's URL;
each of a scope likewise: 1 the scope, 2 the records, 3 the schema's URL (opentelemetry/proto/*/v1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from tidegate.records import Resource, Scope
from tidegate.ship.wire.pieces import Pieces, heads, taker, texts
from tidegate.ship.wire.values import attributes

if TYPE_CHECKING:
    from tidegate.ship.wire import Mark, Picked

#: Makes the messages of some rows; for metrics, pairs of which `tidegate.ship.wire.metrics.folded` makes messages.
Messages = Callable[[Any, Sequence[int], "Sequence[Mark] | None"], Iterable[Any]]

_OUTER, _OWNER, _WITHIN, _SCHEMA = heads(1), heads(1), heads(2), texts(3)

_RESOURCE_ATTRIBUTES, _SCOPE_ATTRIBUTES = attributes(1), attributes(3)

_NAME, _VERSION = texts(1), texts(2)

#: What a resource or scope is told apart by: its message and its schema's URL.
Key = tuple[bytes, str]


def _of_resource(resource: Resource) -> Key:
    return _RESOURCE_ATTRIBUTES.of(resource.attributes), resource.schema_url


def _of_scope(scope: Scope) -> Key:
    return (
        _NAME[scope.name] + _VERSION[scope.version] + _SCOPE_ATTRIBUTES.of(scope.attributes),
        scope.schema_url,
    )


class _Request:
    """Records by their resources and scopes, in the order in which these come."""

    def __init__(self) -> None:
        self._resources: dict[Key, dict[Key, list[Any]]] = {}

    def add(self, each: Picked, messages: Iterable[Any]) -> None:
        rows = each.rows
        take = taker(rows.count, each.picked)
        owners = list(zip(take(rows.resource), take(rows.scope), strict=True))
        lists = {
            (resource, scope): self._within(rows.resources[resource], rows.scopes[scope])
            for resource, scope in dict.fromkeys(owners)
        }
        if len(lists) == 1:
            lists[owners[0]].extend(messages)
            return
        adds = {owner: found.append for owner, found in lists.items()}
        for add, message in zip(map(adds.__getitem__, owners), messages, strict=True):
            add(message)

    def _within(self, resource: Resource, scope: Scope) -> list[Any]:
        """What has the records of a scope."""
        scopes = self._resources.setdefault(_of_resource(resource), {})
        return scopes.setdefault(_of_scope(scope), [])

    def dumps(self, folded: Callable[[list[Any]], Iterable[bytes]]) -> bytes:
        out: list[bytes] = []
        for key, scopes in self._resources.items():
            content = [_owned(each, folded(found)) for each, found in scopes.items()]
            out.append(_owned(key, content))
        return _listed(_OUTER, out)


def _owned(owner: Key, contents: Iterable[bytes]) -> bytes:
    message, schema_url = owner
    return b"".join((_OWNER[len(message)], message, _listed(_WITHIN, contents), _SCHEMA[schema_url]))


def _listed(head: Pieces, contents: Iterable[bytes]) -> bytes:
    """Each of these after its head."""
    found = list(contents)
    return b"".join(chain.from_iterable(zip(map(head.__getitem__, map(len, found)), found, strict=True)))


def request(
    messages: Messages, picked: Iterable[Picked], folded: Callable[[list[Any]], Iterable[bytes]] = iter
) -> bytes:
    """One request of rows of blocks."""
    out = _Request()
    for each in picked:
        if each.picked:
            out.add(each, messages(each.rows, each.picked, each.marks))
    return out.dumps(folded)
