"""Run something when a module is imported, without importing it ourselves."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

Hook = Callable[[ModuleType], None]

_hooks: dict[str, Hook] = {}


def when_imported(name: str, hook: Hook) -> None:
    """Call ``hook(module)`` once the module is there: now, or right after its first import.

    An exception of the hook is swallowed; the import must not fail because of it.
    """
    if name in sys.modules:
        _run(hook, sys.modules[name])
        return
    if not _hooks:
        sys.meta_path.insert(0, _Finder())
    _hooks[name] = hook


def _run(hook: Hook, module: ModuleType) -> None:
    try:
        hook(module)
    except Exception:  # a library of a version we do not know is used without us
        pass


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what the other finders do. Asking where a module is does not import it, so the hook stays until then."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _hooks:
            return None
        others = (finder for finder in sys.meta_path if not isinstance(finder, _Finder))
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            # a zip file's loader is one for all its modules
            hook = _hooks.pop(fullname, None) if module.__name__ == fullname else None
            if hook is not None:
                _run(hook, module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
