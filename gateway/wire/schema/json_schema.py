"""Generates ``chat.schema.json``: the frames as JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.wire.schema.names import (
    COMMANDS,
    EITHER,
    EVENTS,
    NAMES,
    OBJECTS,
    OKS,
    TEXT_BOUNDS,
    AnyStruct,
    TextBound,
    description,
)
from gateway.wire.shared import SUBPROTOCOL

_ABOUT: Final = (
    "The frames of the protocol, described in PROTOCOL.md. `Command` is what a client sends, "
    "`NodeFrame` what a node sends. Ignore fields that are not in here: new ones are added without "
    "a new version. Bounds in bytes of UTF-8 are given as a `maxLength`, which counts characters: "
    "what is within it may still be too long."
)
_REF: Final = "#/$defs/"

Schema = dict[str, Any]


def json_schema() -> str:
    """Return the text of ``chat.schema.json``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SUBPROTOCOL,
        "description": _ABOUT,
        "anyOf": [{"$ref": f"{_REF}Command"}, {"$ref": f"{_REF}NodeFrame"}],
        "$defs": {
            "Command": _one_of(COMMANDS),
            "NodeFrame": {"anyOf": [_ref(kind) for kind in (*EVENTS, *OKS)]},
            **_definitions(),
        },
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _definitions() -> Schema:
    """Return the schema of each type, by name."""
    kinds = (*OBJECTS, *COMMANDS, *OKS, *EVENTS)
    _, found = msgspec.json.schema_components(kinds, ref_template=f"{_REF}{{name}}")
    return {NAMES[kind]: _completed(kind, found[kind.__name__]) for kind in kinds}


def _completed(kind: AnyStruct, schema: Schema) -> Schema:
    """Return what msgspec knows of a type, with our names and the bounds that it does not know."""
    properties = {
        name: _bounded(_property(kind, field), TEXT_BOUNDS.get((kind, name)))
        for name, field in schema["properties"].items()
    }
    completed: Schema = {
        "title": NAMES[kind],
        "description": description(kind),
        "type": "object",
        "properties": properties,
        "required": schema["required"],
    }
    if kind in EITHER:
        completed["oneOf"] = [{"required": [name]} for name in EITHER[kind]]
    return completed


def _property(kind: AnyStruct, field: Any) -> Any:  # noqa: ANN401 - a part of a schema
    """Return the schema of a field, with our names of types.

    ``null`` stays where a client may send it: a node leaves out what it has no value for.
    """
    if isinstance(field, list):
        return [_property(kind, each) for each in field]
    if isinstance(field, str):
        return field.replace("\\Z", "$")  # which Python alone knows
    if not isinstance(field, dict):
        return field
    if "$ref" in field:
        return {"$ref": _REF + _NAMES_OF_CLASSES[field["$ref"].removeprefix(_REF)]}
    if "anyOf" in field and kind not in COMMANDS:
        [field] = [each for each in field["anyOf"] if each != {"type": "null"}]
        return _property(kind, field)
    return {key: _property(kind, value) for key, value in field.items()}


def _bounded(field: Schema, bound: TextBound | None) -> Schema:
    if bound is None:
        return field
    words = {"description": f"at most {bound.most} {bound.unit} of UTF-8"}
    least = {"minLength": bound.least} if bound.least else {}
    return field | least | {"maxLength": bound.most} | (words if bound.unit == "bytes" else {})


def _ref(kind: AnyStruct) -> Schema:
    return {"$ref": _REF + NAMES[kind]}


def _one_of(kinds: tuple[AnyStruct, ...]) -> Schema:
    return {"oneOf": [_ref(kind) for kind in kinds]}


_NAMES_OF_CLASSES: Final = {kind.__name__: name for kind, name in NAMES.items()}
