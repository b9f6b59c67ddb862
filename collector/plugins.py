"""The registry of plug-ins is the listing of a folder.

Each module of a plug-in package exports one constant (``PROBE``, ``RULE``, ``STACK`` or
``SECTION``). There is no list to edit and importing a module has no side effect.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def discover(package: ModuleType, constant: str) -> list[Any]:
    """Return the constant of every module in `package`, in order of module name.

    Raises:
        TypeError: a module of the folder does not export the constant.
    """
    found = []
    for name in sorted(entry.name for entry in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        if not hasattr(module, constant):
            raise TypeError(f"{module.__name__} exports no {constant}")
        found.append(getattr(module, constant))
    return found
