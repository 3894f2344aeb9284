"""The generated schema is that of the wire types, and says yes and no to the right frames."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from msgspec import inspect

from gateway.wire import OUTCOMES
from gateway.wire.schema import FILES, json_schema, typescript
from gateway.wire.schema.names import COMMANDS, EVENTS, NAMES, OBJECTS, OKS, AnyStruct
from tests.unit.gateway.wire.document import GATEWAY, SECTIONS

SCHEMA: Final = json.loads(json_schema())
FOLDER: Final = GATEWAY / "wire" / "schema"
EXAMPLES: Final = [example for section in SECTIONS for example in section.examples]
KINDS: Final = (*OBJECTS, *COMMANDS, *OKS, *EVENTS)


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMA | {"anyOf": [{"$ref": f"#/$defs/{name}"}]})


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_those_that_would_be_written(name: str) -> None:
    """If not: ``python -m gateway.wire.schema``."""
    assert (FOLDER / name).read_text("utf-8") == FILES[name]()


# --- JSON Schema ----------------------------------------------------------------------------------


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]) == {"Command", "NodeFrame", *NAMES.values()}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_document_is_valid(example: str) -> None:
    frame = json.loads(example)
    sides = [side for side in ("Command", "NodeFrame") if validator(side).is_valid(frame)]
    assert sides


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "hello"},
        {"type": "hello", "nick": "alice", "resume": "x"},
        {"type": "hello", "nick": "alice", "session": "too short"},
        {"type": "send", "room": "lobby", "text": "no id"},
        {"type": "send", "room": "lobby", "text": "", "id": "1"},
        {"type": "send", "room": "lobby", "text": "x" * 4097, "id": "1"},
        {"type": "join", "room": "lobby", "history": 201},
        {"type": "join", "room": "lobby", "since": {"epoch": "e"}},
        {"type": "join", "room": "", "id": "1"},
        {"type": "ping", "id": "x" * 65},
        {"type": "status", "state": "asleep"},
        {"type": "typing"},
        {"type": "unheard_of"},
        [],
    ],
    ids=json.dumps,
)
def test_what_is_no_command_is_not_valid(frame: Any) -> None:
    assert not validator("Command").is_valid(frame)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "hello", "nick": "alice", "session": None, "id": None},
        {"type": "join", "room": "lobby", "a field of later": 1},
        {"type": "typing", "to": "bob"},
    ],
    ids=json.dumps,
)
def test_what_a_node_accepts_is_valid(frame: dict[str, Any]) -> None:
    assert validator("Command").is_valid(frame)


# --- TypeScript -----------------------------------------------------------------------------------


def declared() -> dict[str, dict[str, str]]:
    """The fields of each interface in ``chat.d.ts``, with their types."""
    interfaces = re.findall(
        r"^export interface (\w+) \{\n(.*?)^\}", typescript(), re.MULTILINE | re.DOTALL
    )
    return {
        name: dict(re.findall(r"^  (\w+\??): (.*);$", body, re.MULTILINE))
        for name, body in interfaces
    }


@pytest.mark.parametrize("kind", KINDS, ids=NAMES.get)
def test_an_interface_has_the_fields_of_its_type(kind: AnyStruct) -> None:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {f"{field.encode_name}{'' if field.required else '?'}" for field in info.fields}
    found = declared()[NAMES[kind]]
    assert found.keys() - {"type"} == fields
    assert found.get("type") == (f'"{info.tag}"' if info.tag else None)
    used = {word for words in found.values() for word in re.findall(r"\b[A-Z]\w+", words)}
    assert used <= declared().keys()


def test_the_unions_have_all_their_members() -> None:
    unions = {
        name: re.findall(r'\| "?(\w+)"?', body)
        for name, body in re.findall(
            r"^export type (\w+) =\n(.*?);$", typescript(), re.MULTILINE | re.DOTALL
        )
    }
    assert unions == {
        "Command": [NAMES[kind] for kind in COMMANDS],
        "NodeFrame": [NAMES[kind] for kind in (*EVENTS, *OKS)],
        "ErrorCode": list(OUTCOMES),
    }


CLIENT: Final = """
import type { AnswerTo, Command, ErrorCode, NodeFrame } from "./chat";
const say: Command = { type: "send", room: "lobby", text: "Hello!", id: "1" };
// @ts-expect-error
const mute: Command = { type: "send", room: "lobby", text: "Hello!" };
export function hear(frame: NodeFrame): string {
  switch (frame.type) {
    case "message": return `${frame.seq} ${frame.from}: ${frame.text}`;
    case "error": return frame.uncertain ? "not confirmed" : (frame.code as ErrorCode);
    default: return frame.type;
  }
}
export const position = (joined: AnswerTo["join"]) => [joined.epoch, joined.seq, joined.last_id];
export { say, mute };
"""


def test_the_declarations_are_typescript(tmp_path: Path) -> None:
    text = typescript()
    assert text.count("{") == text.count("}")
    assert not re.search(r"^ *\w+\??: *;", text, re.MULTILINE)
    if compiler := shutil.which("tsc"):  # few machines have it
        (tmp_path / "chat.d.ts").write_text(text, "utf-8")
        (tmp_path / "client.ts").write_text(CLIENT, "utf-8")
        command = [compiler, "--noEmit", "--strict", "--target", "es2020", "client.ts"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
