"""The logging calls of installed packages, found in their syntax trees; nothing is imported or run.

A call's message becomes parts: constant text and holes, each hole with the source text of what fills it. %-style with
arguments, ``%``, f-strings, ``str.format``, concatenation, constants behind a name and ``_("…")`` are understood.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import string
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")

LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "warn": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "CRITICAL",
    "fatal": "CRITICAL",
}
_RECEIVER = re.compile(r"(?<!cata)(?<!dia)(?<!back)(?<!change)log(ger|ging|)(\(.*\))?$|getLogger\(.*\)$", re.IGNORECASE)
_MENTIONS = re.compile(
    rb"log(?:ger|ging|)?(?:\([^()\n]*\))?\s*\.\s*(?:debug|info|warn|error|exc|crit|fatal|log)|\._log\(", re.IGNORECASE
)
_PERCENT = re.compile(r"%(?:\((\w+)\))?([#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?)[hlL]?([diouxXeEfFgGcrsa%])")
_KEYWORDS = {"exc_info", "extra", "stack_info", "stacklevel"}
_SKIPPED = {
    "test",
    "tests",
    "testing",
    "_vendor",
    "vendor",
    "vendored",
    "site-packages",
    "idlelib",
    "lib2to3",
    "ansible_test",
}
_OURS = {"tidegate", "benchmarks", "drain3", "distutils", "_distutils_hack"}
_TRANSLATES = {"_", "__", "_i18n", "gettext", "gettext_lazy", "ngettext", "dedent", "cleandoc"}
#: A package with fewer calls than this says too little to count as one.
MIN_CALLS = 3


class Hole(NamedTuple):
    """A place in a message that a value fills."""

    source: str
    """Source text of what fills it."""
    spec: str = ""
    """As in ``format(value, spec)``, or a %-conversion such as ``%5.2f``."""
    conversion: str = ""
    """``r``, ``s`` or ``a``, as in ``{value!r}``."""
    choices: tuple[object, ...] = ()
    """The constants, when the source is ``"a" if … else "b"``."""


Parts = tuple["str | Hole", ...]


class Call(NamedTuple):
    """One logging call."""

    package: str
    path: str
    line: int
    function: str
    level: str
    logger: str
    parts: Parts
    style: str
    """``constant``, ``percent`` (with args: the record carries the template), ``text`` (made before the call) or
    ``variable`` (nothing constant is known of it)."""
    template: str
    """``record.msg`` for ``percent``, else empty."""

    @property
    def fields(self) -> list[str]:
        """Names of the holes of a ``%(name)s`` template, in order."""
        return [found[1] for found in _PERCENT.finditer(self.template) if found[1]]

    @property
    def truth(self) -> str:
        """The message with ``<*>`` for whatever fills it: the name of its true group."""
        return "".join(part if isinstance(part, str) else "<*>" for part in self.parts)


class Names(NamedTuple):
    """What a package calls its things: material for values."""

    classes: tuple[str, ...]
    functions: tuple[str, ...]
    modules: tuple[str, ...]
    errors: tuple[tuple[str, Parts], ...]
    """Exceptions raised with a text: class and text."""


class Package(NamedTuple):
    name: str
    calls: tuple[Call, ...]
    names: Names


def installed() -> list[Package]:
    """Every importable package (standard library included) with at least `MIN_CALLS` logging calls, by name."""
    tops = {*importlib.metadata.packages_distributions(), *sys.stdlib_module_names}
    found = (scan(name) for name in sorted(tops - _OURS - _SKIPPED) if name.isidentifier())
    return [package for package in found if len(package.calls) >= MIN_CALLS]


@cache
def scan(name: str) -> Package:
    """The logging calls of one importable top-level package or module."""
    modules = [module for root in _roots(name) for file in _files(root) if (module := _module(name, root, file))]
    names = Names(
        _unique(item for module in modules for item in module.classes()),
        _unique(item for module in modules for item in module.functions()),
        _unique(module.name for module in modules),
        _unique(item for module in modules for item in module.errors()),
    )
    return Package(name, tuple(call for module in modules for call in module.calls()), names)


def _unique(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))


def _roots(name: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module that was made by hand, or half removed
        return []
    if spec is None:
        return []
    places = spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
    return [Path(place) for place in places]


def _files(root: Path) -> Iterator[Path]:
    if root.suffix == ".py":
        yield root
        return
    for file in sorted(root.rglob("*.py")):
        if not _SKIPPED.intersection(file.relative_to(root).parts):
            yield file


def _module(package: str, root: Path, file: Path) -> _Module | None:
    try:
        source = file.read_bytes()
        if not _MENTIONS.search(source):
            return None
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):  # unreadable, or written for another Python
        return None
    inner = (
        [] if file == root else [part for part in file.relative_to(root).with_suffix("").parts if part != "__init__"]
    )
    return _Module(package, str(file), ".".join([package, *inner]), tree)


class _Module:
    def __init__(self, package: str, path: str, name: str, tree: ast.Module) -> None:
        self.package, self.path, self.name, self.tree = package, path, name, tree
        self.nodes = list(ast.walk(tree))
        self.constants = _assigned(self.nodes)

    def calls(self) -> Iterator[Call]:
        yield from self._calls(self.tree, "<module>", {})

    def _calls(self, node: ast.AST, function: str, local: dict[str, ast.expr]) -> Iterator[Call]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from self._calls(child, child.name, {**local, **_assigned(list(ast.walk(child)))})
                continue
            if isinstance(child, ast.Call) and (found := self._call(child, function, local)):
                yield found
            yield from self._calls(child, function, local)

    def _call(self, node: ast.Call, function: str, local: dict[str, ast.expr]) -> Call | None:
        if not isinstance(node.func, ast.Attribute) or not node.args:
            return None
        method, args = node.func.attr, list(node.args)
        if method in {"log", "_log"}:
            level = ast.unparse(args.pop(0)).rpartition(".")[2].upper()
            if level not in LEVELS.values() and not (method == "log" and args):
                return None
            level = level if level in LEVELS.values() else "INFO"
        elif method in LEVELS:
            level = LEVELS[method]
        else:
            return None
        if not args or (method != "_log" and not _RECEIVER.search(ast.unparse(node.func.value))):
            return None
        made = _message(args, node.keywords, {**self.constants, **local})
        return made and Call(self.package, self.path, node.lineno, function, level, self.name, *made)

    def classes(self) -> Iterator[str]:
        return (node.name for node in self.nodes if isinstance(node, ast.ClassDef))

    def functions(self) -> Iterator[str]:
        return (node.name for node in self.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))

    def errors(self) -> Iterator[tuple[str, Parts]]:
        for node in self.nodes:
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                parts = _parts(node.exc.args[0], {})
                if _constant(parts).strip():
                    yield ast.unparse(node.exc.func).rpartition(".")[2], parts


def _assigned(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """What is assigned exactly once, by the name it is read with."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _message(
    args: list[ast.expr], keywords: list[ast.keyword], names: dict[str, ast.expr]
) -> tuple[Parts, str, str] | None:
    """Parts, style and template of the message."""
    parts = _parts(args[0], names)
    constant = _constant(parts)
    whole = len(parts) <= 1 and all(isinstance(part, str) for part in parts)
    if len(parts) == 1 and isinstance(parts[0], Hole) and re.search(r"^(self|cls)$", parts[0].source):
        return None  # a method of a Logger's subclass, called unbound
    if whole and args[1:]:
        filled = _percent(constant, args[1:])
        return (filled, "percent", constant) if filled else None
    if args[1:]:  # an f-string with % in it, filled later
        parts = _filled_later(parts, args[1:])
    fields = {keyword.arg: keyword.value for keyword in keywords if keyword.arg and keyword.arg not in _KEYWORDS}
    if whole and fields and "{" in constant:
        return _format(constant, [], fields), "text", ""
    if whole:
        return (parts, "constant", "") if constant.strip() else None
    return parts, "text" if _constant(parts).strip() else "variable", ""


def _constant(parts: Parts) -> str:
    return "".join(part for part in parts if isinstance(part, str))


def _parts(node: ast.expr, names: dict[str, ast.expr], depth: int = 0) -> Parts:
    if depth > 8:
        return (_hole(node),)
    match node:
        case ast.Constant(value=str(text)):
            return (text,) if text else ()
        case ast.JoinedStr(values=values):
            return _joined(part for value in values for part in _piece(value))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined((*_parts(left, names, depth + 1), *_parts(right, names, depth + 1)))
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            constant = _constant(_parts(left, names, depth + 1))
            arguments = list(right.elts) if isinstance(right, ast.Tuple) else [right]
            return _percent(constant, arguments) or (_hole(node),)
        case ast.Call(func=ast.Attribute(value=left, attr="format"), args=args, keywords=keywords):
            constant = _constant(_parts(left, names, depth + 1))
            fields = {keyword.arg: keyword.value for keyword in keywords if keyword.arg}
            return _format(constant, args, fields) if constant else (_hole(node),)
        case ast.Call(func=func, args=[first, *_]) if ast.unparse(func).rpartition(".")[2] in _TRANSLATES:
            return _parts(first, names, depth + 1)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in names:
            found = _parts(names[name], names, depth + 1)
            return found if _constant(found).strip() else (_hole(node),)
    return (_hole(node),)


def _piece(node: ast.expr) -> Parts:
    if isinstance(node, ast.FormattedValue):
        spec = ast.unparse(node.format_spec)[2:-1] if node.format_spec else ""
        conversion = chr(node.conversion) if node.conversion > 0 else ""
        return (_hole(node.value, "" if "{" in spec else spec, conversion),)
    return _parts(node, {})


def _percent(template: str, args: Sequence[ast.expr]) -> Parts | None:
    """Parts of a %-template, or None where its arguments do not fit."""
    parts: list[str | Hole] = []
    fields = _mapping(args[0]) if len(args) == 1 else {}
    waiting, end = list(args), 0
    for found in _PERCENT.finditer(template):
        parts.append(template[end : found.start()])
        end = found.end()
        name, flags, letter = found.groups()
        if letter == "%":
            parts.append("%")
        elif "*" in flags or not (name or waiting):
            return None
        else:
            node = fields.get(name, ast.Name(name)) if name else waiting.pop(0)
            parts.append(_hole(node, f"%{flags}{letter}"))
    named = any(match[1] for match in _PERCENT.finditer(template))
    return None if waiting and not named else _joined((*parts, template[end:]))


def _filled_later(parts: Parts, args: Sequence[ast.expr]) -> Parts:
    waiting = iter(args)
    filled: list[str | Hole] = []
    for part in parts:
        found = isinstance(part, str) and _percent(
            part, [node for _, node in zip(_PERCENT.findall(part), waiting, strict=False)]
        )
        filled += found or (part,)
    return _joined(filled)


def _mapping(node: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    return {
        str(key.value): value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _format(template: str, args: Sequence[ast.expr], fields: dict[str, ast.expr]) -> Parts:
    parts: list[str | Hole] = []
    waiting = list(args)
    try:
        for text, field, spec, conversion in string.Formatter().parse(template):
            parts.append(text)
            if field is None:
                continue
            first, _, rest = field.partition(".")
            node: ast.expr = ast.Name(field or "value")
            if first.isdecimal() and int(first) < len(args):
                node = args[int(first)]
            elif not field and waiting:
                node = waiting.pop(0)
            elif first in fields:
                node = ast.Attribute(fields[first], rest) if rest else fields[first]
            parts.append(_hole(node, "" if "{" in (spec or "") else spec or "", conversion or ""))
    except ValueError:  # no format string after all
        return (template,)
    return _joined(parts)


def _hole(node: ast.expr, spec: str = "", conversion: str = "") -> Hole:
    if isinstance(node, ast.Starred):
        node = node.value
    choices: tuple[object, ...] = ()
    if isinstance(node, ast.IfExp):
        choices = tuple(end.value for end in (node.body, node.orelse) if isinstance(end, ast.Constant))
    return Hole(ast.unparse(node), spec, conversion, choices if len(choices) == 2 else ())


def _joined(parts: Iterable[str | Hole]) -> Parts:
    """Neighbouring constants joined, empty ones left out."""
    joined: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
