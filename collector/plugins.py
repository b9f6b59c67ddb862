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


def documented(package: ModuleType, constant: str) -> dict[str, str]:
    """The page (module docstring) of every plug-in, by the name it has in commands and reports."""
    pages = {}
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        plugin = getattr(module, constant)
        name = getattr(plugin, "id", None) or plugin.name
        pages[str(name)] = (module.__doc__ or "").strip()
    return pages
