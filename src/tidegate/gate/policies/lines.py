"""JSON and YAML as nodes that know where in the text they stand, so that a mistake can be pointed at.

Both are read by event, not by recursion, and everything is bounded: bytes, depth, number of nodes.
YAML is the JSON-like part of it (version 1.2's core schema): ``no`` and ``2024-01-01`` are text, and
anchors, aliases, tags and several documents in one are refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

from tidegate.errors import ConfigurationError

#: Bounds of a document.
MAX_BYTES, MAX_DEPTH, MAX_NODES = 1 << 20, 32, 50_000

#: Characters shown of a value that is refused.
_SHOWN = 80

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")

#: Plain scalars that are not text, by the core schema of YAML 1.2 (chapter 10.3.2).
_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

#: Digits that a whole number may have; Python itself refuses thousands of them.
_MAX_DIGITS = 100


class Node(NamedTuple):
    """A value of a document: a scalar, a list of nodes, or a dict of nodes by key.

    ``line`` counts from 1 and is that of the key, where there is one; ``path`` is such as
    ``traces.rules[0].rate``.
    """

    value: Any
    line: int
    path: str


class Mistake(Exception):
    """What is wrong with a document, and on which line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line

    @classmethod
    def at(cls, node: Node, rule: str) -> Mistake:
        """A value breaks its rule; says both. Lists and mappings are not shown."""
        return cls(node.line, f"{node.path or 'the document'} is {shown(node)}; {rule}")


def shown(node: Node) -> str:
    """The value as the document has it, or what kind of thing it is."""
    value = node.value
    if isinstance(value, (dict, list)):
        return ("a mapping" if isinstance(value, dict) else "a list") if value else "empty"
    if value is None:
        return "empty"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text[:_SHOWN] + "…" * (len(text) > _SHOWN)


def read(text: bytes | str, name: str) -> Node:
    """The root of a document. Raises `Mistake`, or `ConfigurationError` where YAML is needed but not installed.

    It is JSON if it begins like an object or list and ``name`` does not end in ``.yaml`` or ``.yml``,
    or if ``name`` ends in ``.json``.
    """
    if len(text) > MAX_BYTES:
        raise Mistake(1, f"it is larger than {MAX_BYTES >> 20} MiB; write globs and rates instead of long lists.")
    decoded = _decoded(text).removeprefix("\ufeff")
    if not decoded.strip():
        raise Mistake(1, "it is empty, which says nothing; an empty policy is never taken for 'send everything'.")
    lower = name.lower()
    if lower.endswith(".json") or (decoded.lstrip()[0] in "{[" and not lower.endswith((".yaml", ".yml"))):
        return _JSON(decoded).root()
    return _yaml(decoded, name)


def _decoded(text: bytes | str) -> str:
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        decoded.encode()
    except UnicodeError as error:
        before = text[: getattr(error, "start", 0)]
        line = 1 + (before.count(b"\n") if isinstance(before, bytes) else before.count("\n"))
        raise Mistake(line, "it is not UTF-8 text; save it as UTF-8.") from None
    return decoded


class _Tree:
    """Puts scalars and containers together as they are met, with a bound on all of them."""

    def __init__(self) -> None:
        self.open: list[Node] = []
        self.keys: list[tuple[str, int] | None] = []
        self.root: Node | None = None
        self._count = 0

    @property
    def wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.keys[-1] is None

    def key(self, key: str, line: int) -> None:
        _no_surrogate(key, line)
        parent = self.open[-1]
        if key in parent.value:
            where = f" in {parent.path}" if parent.path else ""
            raise Mistake(line, f"{key[:_SHOWN]!r} is there twice{where}; leave one of them.")
        self.keys[-1] = (key, line)

    def add(self, value: Any, line: int) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise Mistake(line, f"it has more than {MAX_NODES:,} values; write globs instead of long lists.")
        if isinstance(value, str):
            _no_surrogate(value, line)
        node = self._placed(value, line)
        if isinstance(value, (dict, list)):
            self.open.append(node)
            self.keys.append(None)
            if len(self.open) > MAX_DEPTH:
                raise Mistake(line, f"it is nested more than {MAX_DEPTH} deep, which no policy needs.")

    def _placed(self, value: Any, line: int) -> Node:
        if not self.open:
            self.root = node = Node(value, line, "")
            return node
        parent = self.open[-1]
        if isinstance(parent.value, list):
            node = Node(value, line, f"{parent.path}[{len(parent.value)}]")
            parent.value.append(node)
            return node
        key, line = self.keys[-1] or ("", line)
        node = Node(value, line, f"{parent.path}.{key[:_SHOWN]}".removeprefix("."))
        parent.value[key], self.keys[-1] = node, None
        return node

    def close(self) -> None:
        self.open.pop()
        self.keys.pop()


def _no_surrogate(text: str, line: int) -> None:
    if _SURROGATE.search(text):
        raise Mistake(line, f"{text[:_SHOWN]!r} has half of a surrogate pair, which is no character.")


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


class _JSON:
    """RFC 8259, strictly; scalars by the standard library."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._scalar = JSONDecoder(parse_constant=_refuse_constant).raw_decode
        self._at = 0

    def root(self) -> Node:
        tree = _Tree()
        while True:
            self._value(tree)
            while tree.open and not self._more(tree):
                tree.close()
            if not tree.open:
                break
        if self._peek():
            raise self._mistake("the end of the document")
        assert tree.root is not None  # noqa: S101 — the loop above does not end before
        return tree.root

    def _value(self, tree: _Tree) -> None:
        """One value, or the beginning of a container; for an object, after its key."""
        if tree.wants_key:
            self._key(tree)
        char, line = self._peek(), self._line()
        if char in ("{", "["):
            self._at += 1
            tree.add({} if char == "{" else [], line)
            if self._peek() == ("}" if char == "{" else "]"):
                self._at += 1
                tree.close()
            else:
                self._value(tree)
            return
        tree.add(self._one("a value"), line)

    def _key(self, tree: _Tree) -> None:
        if self._peek() != '"':
            raise self._mistake("a key in double quotes")
        line = self._line()
        tree.key(self._one("a key"), line)
        if self._peek() != ":":
            raise self._mistake("':'")
        self._at += 1

    def _more(self, tree: _Tree) -> bool:
        """Whether a comma follows, and not the container's end."""
        end = "}" if isinstance(tree.open[-1].value, dict) else "]"
        char = self._peek()
        if char not in (",", end):
            raise self._mistake(f"',' or '{end}'")
        self._at += 1
        return char == ","

    def _one(self, what: str) -> Any:
        try:
            value, self._at = self._scalar(self._text, self._at)
        except JSONDecodeError as error:
            self._at = error.pos
            raise self._mistake(what) from None
        except (ValueError, RecursionError):  # NaN, Infinity, or thousands of digits
            raise self._mistake("a number of JSON") from None
        return value

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _line(self) -> int:
        return bisect_right(self._ends, self._at) + 1

    def _mistake(self, wanted: str) -> Mistake:
        here = self._text[self._at : self._at + 20].partition("\n")[0]
        found = repr(here) if here else "its end" if self._at >= len(self._text) else "the end of the line"
        return Mistake(self._line(), f"it is not JSON: {wanted} was expected, not {found}.")


def _yaml(text: str, name: str) -> Node:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigurationError(
            f"{name} is YAML, which takes a package more: pip install 'tidegate[yaml]', or write it as JSON."
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = _Tree()
    try:
        for event in yaml.parse(text, Loader=loader):
            _take(event, tree)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Mistake(mark.line + 1 if mark else 1, f"it is not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        before = text[: getattr(error, "position", 0) or 0]
        raise Mistake(before.count("\n") + 1, f"it is not YAML: {str(error).splitlines()[0][:_SHOWN]}.") from None
    if tree.root is None:
        raise Mistake(1, "it has nothing but comments, which says nothing; leave the setting out, or write rules.")
    return tree.root


def _take(event: Any, tree: _Tree) -> None:
    """One of PyYAML's events; their names are told apart, so that the package is not needed to read this one."""
    kind, line = type(event).__name__, event.start_mark.line + 1
    if kind == "AliasEvent" or getattr(event, "anchor", None):
        raise Mistake(line, f"it has the anchor or alias {event.anchor!r}; write the value out where it is meant.")
    if kind in ("MappingEndEvent", "SequenceEndEvent"):
        tree.close()
    elif kind == "DocumentStartEvent" and tree.root is not None:
        raise Mistake(line, "a second document begins; a policy is one document.")
    elif kind in ("MappingStartEvent", "SequenceStartEvent", "ScalarEvent"):
        if event.tag:
            raise Mistake(line, f"it has the tag {str(event.tag)[:_SHOWN]!r}; leave it out.")
        _add(event, tree, line)


def _add(event: Any, tree: _Tree, line: int) -> None:
    is_scalar = type(event).__name__ == "ScalarEvent"
    if tree.wants_key:
        if not is_scalar:
            raise Mistake(line, "a key is a list or a mapping; a key is text.")
        tree.key(event.value, line)
    elif is_scalar:
        tree.add(_resolved(event.value, line) if event.implicit[0] else event.value, line)
    else:
        tree.add({} if type(event).__name__ == "MappingStartEvent" else [], line)


def _resolved(text: str, line: int) -> Any:
    """What a scalar without quotes stands for."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise Mistake(line, f"{text[:20]}… has more than {_MAX_DIGITS} digits; write a smaller number.")
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.fullmatch(text) else text
