"""The published form of assessment.json: a JSON Schema, made from the contract itself so that the two cannot part."""

from __future__ import annotations

import inspect
import json
import types
import typing
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from analyzer.contract import SCHEMA, Assessment

FILE = Path(__file__).parent / "schemas" / f"assessment-{SCHEMA}.json"
"""Where the schema of this version is published."""


def text() -> str:
    """The schema as JSON text."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of the assessment that this version writes.

    Every key is always there, and no other; null is a value that is not known. No number is infinite.
    """
    known: dict[str, Any] = {}
    top = _described(Assessment, known)
    top["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:haready:assessment:{SCHEMA}",
        "title": "Assessment of haready",
        **top,
        "$defs": {name: known[name] for name in sorted(known)},
    }


def _described(kind: type, known: dict[str, Any]) -> dict[str, Any]:
    """A dataclass as an object; the classes that it holds go into `known`."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    return {
        "description": _page(kind),
        "type": "object",
        "properties": {name: _form(hints[name], known) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _page(kind: type) -> str:
    """The docstring as one line a paragraph."""
    return "\n".join(" ".join(part.split()) for part in inspect.cleandoc(kind.__doc__ or "").split("\n\n"))


def _form(hint: Any, known: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        forms = [_form(argument, known) for argument in arguments]
        if all(set(form) == {"type"} for form in forms):
            return {"type": [form["type"] for form in forms]}
        return {"anyOf": forms}
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": _form(arguments[0], known)}
        forms = [_form(argument, known) for argument in arguments]
        return {"type": "array", "prefixItems": forms, "items": False, "minItems": len(forms)}
    if is_dataclass(hint) or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        assert isinstance(hint, type)
        if hint.__name__ not in known:
            known[hint.__name__] = {}  # a class may hold itself
            known[hint.__name__] = _described(hint, known) if is_dataclass(hint) else _words(hint)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    names: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
    return {"type": names[hint]}


def _words(kind: Any) -> dict[str, Any]:
    return {"description": _page(kind), "type": "string", "enum": [value.value for value in kind]}
