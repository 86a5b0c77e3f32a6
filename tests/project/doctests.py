"""Runs the ``>>>`` examples of docstrings, each module's in a process of its own, as a person would: nothing is
configured before. ``python doctests.py MODULE …`` prints, a line for each module, ``["module", "what failed"]``.
"""

from __future__ import annotations

import doctest
import importlib
import io
import json
import os
import sys
import warnings


def failures(name: str) -> str:
    """What doctest has to say of a module: nothing when all is as its docstrings say."""
    warnings.simplefilter("error")
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name)):
        runner.run(test, out=said.write)
    return said.getvalue()


if __name__ == "__main__":
    # forked, since an interpreter that imports OpenTelemetry takes half a second
    import tidegate.configure  # noqa: F401

    for module in sys.argv[1:]:
        child = os.fork()
        if not child:
            print(json.dumps([module, failures(module)]), flush=True)
            break
        os.waitpid(child, 0)
