"""Checks a JSON document against a schema, with errors that prescribe.

It knows as much of JSON Schema as the schemas of this package use; what it accepts, every validator accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_contract.history.parsing import shown

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


class ReportError(ValueError):
    """A file is no report: where, what was seen there, and what is allowed."""


def check(seen: Any, schema: Mapping[str, Any], place: str = "the report") -> None:
    """Check a value and all that is in it.

    Args:
        seen: The value, as it was read from JSON.
        schema: Its schema.
        place: Where it stands, for errors.

    Raises:
        ReportError: It is not what the schema allows.
    """
    _check_value(seen, schema, place)
    if isinstance(seen, dict):
        _check_keys(seen, schema, place)
    if isinstance(seen, list):
        for number, each in enumerate(seen):
            check(each, schema.get("items", {}), f"{place}[{number}]")


def _check_value(seen: Any, schema: Mapping[str, Any], place: str) -> None:
    if "const" in schema and seen != schema["const"]:
        raise ReportError(f"{place} is {shown(seen)}; this release reads {shown(schema['const'])}")
    if "enum" in schema and seen not in schema["enum"]:
        raise ReportError(f"{place} is {shown(seen)}; it may be {', '.join(map(repr, schema['enum']))}")
    types = schema.get("type", list(_TYPES))
    names = types if isinstance(types, list) else [types]
    if not any(_is_a(seen, name) for name in names):
        raise ReportError(f"{place} is {shown(seen)}; write {' or '.join(map(_noun, names))}")


def _is_a(seen: Any, name: str) -> bool:
    return isinstance(seen, _TYPES[name]) and (name == "boolean" or not isinstance(seen, bool))


def _noun(name: str) -> str:
    return name if name == "null" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _check_keys(seen: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for key in schema.get("required", ()):
        if key not in seen:
            raise ReportError(f"{place} has no {key}; it needs {', '.join(schema['required'])}")
    for key, value in seen.items():
        if key not in known and others is False:
            raise ReportError(f"{place} has the unknown key {shown(key)}; its keys are {', '.join(known)}")
        check(value, known.get(key, others), f"{place}.{key}")
