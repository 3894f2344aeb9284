"""Generates ``chat.d.ts``: the frames as TypeScript declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import inspect

from gateway.wire.answers import ANSWERS
from gateway.wire.error_codes import OUTCOMES
from gateway.wire.schema.names import (
    COMMANDS,
    EVENTS,
    NAMES,
    OBJECTS,
    OKS,
    TEXT_BOUNDS,
    AnyStruct,
    description,
    tag_of,
)

_ABOUT: Final = """\
The frames of the protocol `chat.v1`, described in PROTOCOL.md. Generated: do not edit.
Ignore fields that are not in here: new ones are added without a new version."""


def typescript() -> str:
    """Return the text of ``chat.d.ts``."""
    parts = [
        _comment(_ABOUT),
        *map(_interface, (*OBJECTS, *COMMANDS, *OKS, *EVENTS)),
        _union("Command", "What a client sends.", (NAMES[kind] for kind in COMMANDS)),
        _union("NodeFrame", "What a node sends.", (NAMES[kind] for kind in (*EVENTS, *OKS))),
        _answers(),
        _union("ErrorCode", "The codes of an ErrorFrame.", (f'"{code}"' for code in OUTCOMES)),
    ]
    return "\n".join(parts)


def _interface(kind: AnyStruct) -> str:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    fields = [_field(kind, field) for field in info.fields]
    if info.tag is not None:
        fields.insert(0, f'  type: "{info.tag}";\n')
    head = f"{_comment(description(kind))}export interface {NAMES[kind]} {{\n"
    return f"{head}{''.join(fields)}}}\n"


def _field(kind: AnyStruct, field: inspect.Field) -> str:
    optional = "" if field.required else "?"
    bound = _bound(kind, field)
    comment = f"  /** {bound} */\n" if bound else ""
    words = _type(field.type, nullable=kind in COMMANDS)
    return f"{comment}  {field.encode_name}{optional}: {words};\n"


_PLAIN: Final[dict[type[inspect.Type], str]] = {
    inspect.BoolType: "boolean",
    inspect.FloatType: "number",
    inspect.IntType: "number",
    inspect.NoneType: "null",
    inspect.StrType: "string",
}


def _type(kind: inspect.Type, *, nullable: bool = False) -> str:
    match kind:
        case inspect.UnionType(types=types):
            wanted = [each for each in types if nullable or type(each) is not inspect.NoneType]
            return " | ".join(map(_type, wanted))
        case inspect.ListType(item_type=item):
            return f"{_type(item)}[]"
        case inspect.StructType(cls=cls):
            return NAMES[cls]
        case inspect.LiteralType(values=values):
            return " | ".join(f'"{value}"' for value in values)
        case _:
            return _PLAIN[type(kind)]


def _bound(kind: AnyStruct, field: inspect.Field) -> str:
    """Return the bound and the default of a field in words."""
    bound = TEXT_BOUNDS.get((kind, field.encode_name))
    words = f"{bound.least} to {bound.most} {bound.unit}" if bound else _in_words(field.type)
    has_default = not field.required and isinstance(field.default, (str, int, bool))
    shown = str(field.default).lower() if isinstance(field.default, bool) else repr(field.default)
    default = f"{shown} if left out" if has_default else ""
    return "; ".join(filter(None, (words, default))).replace("'", '"')


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types=types):
            return "".join(map(_in_words, types))
        case inspect.StrType(pattern=str(pattern)):
            return pattern.removesuffix("\\Z") + "$"
        case inspect.StrType(max_length=int(most), min_length=least):
            return f"{least or 0} to {most} characters"
        case inspect.IntType(ge=int(least), le=int(most)):
            return f"{least} to {most}"
    return ""


def _answers() -> str:
    rows = (f"  {tag_of(command)}: {NAMES[answer]};\n" for command, answer in ANSWERS.items())
    about = _comment("The answer to each command that is carried out, by its type.")
    return f"{about}export interface AnswerTo {{\n{''.join(rows)}}}\n"


def _union(name: str, about: str, members: Iterable[str]) -> str:
    return f"{_comment(about)}export type {name} =\n  | " + "\n  | ".join(members) + ";\n"


def _comment(text: str) -> str:
    if "\n" not in text:
        return f"/** {text} */\n"
    lines = (f" * {line}".rstrip() + "\n" for line in text.splitlines())
    return f"/**\n{''.join(lines)} */\n"
