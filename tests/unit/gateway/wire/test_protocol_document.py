"""PROTOCOL.md and the wire types say the same: fields, bounds, examples, codes."""

from __future__ import annotations

import json
import re
from typing import Final, get_args

import msgspec
import pytest
from msgspec import inspect

from gateway import wire
from gateway.config import Settings
from gateway.net import shares
from gateway.wire.close_codes import ALL as CLOSINGS
from gateway.wire.schema.names import TEXT_BOUNDS, TextBound
from tests.unit.gateway.wire.document import (
    DOCUMENT,
    SECTIONS,
    Row,
    Section,
    anchors,
    column,
    section,
    titles,
)
from tests.unit.gateway.wire.source_codes import values_given

Struct = type[msgspec.Struct]


def between(least: int, most: int | str) -> str:
    return f"{least}\N{EN DASH}{most}"


OBJECTS: Final[dict[Struct, str]] = {
    wire.Position: "position",
    wire.Member: "member",
    wire.Renamed: "changed member",
    wire.RoomInfo: "room",
    wire.AccountRoom: "account room",
    wire.Device: "device",
    wire.ConversationInfo: "conversation",
    wire.Limits: "limits",
}
CLOSED_BY_OTHERS: Final = {1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015}


def tag_of(kind: Struct) -> str:
    return str(kind.__struct_config__.tag)


def bound_in_words(bound: TextBound | None) -> str:
    if bound is None:
        return ""
    span = between(bound.least, bound.most) if bound.least else f"at most {bound.most}"
    return f"{span} {bound.unit}"


def code(word: str) -> str:
    return f"`{word}`"


COMMANDS: Final = {tag_of(kind): kind for kind in get_args(wire.AnyCommand)}
EVENTS: Final = {tag_of(kind): kind for kind in get_args(wire.AnyEvent)}


# --- what a table has to say about a type ---------------------------------------------------------


def fields_of(kind: Struct, *, besides: Struct | None = None) -> list[inspect.Field]:
    """The fields of a type, without those that it shares with another."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    shared = fields_of(besides) if besides else []
    return [field for field in info.fields if field not in shared]


def without_none(kind: inspect.Type) -> inspect.Type:
    if isinstance(kind, inspect.UnionType):
        [kind] = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
    return kind


def type_cell(kind: inspect.Type) -> str:
    match without_none(kind):
        case inspect.ListType(item_type=item):
            return f"array of {type_cell(item)}"
        case inspect.StructType(cls=cls):
            return OBJECTS.get(cls) or code(tag_of(cls))
        case inspect.StrType() | inspect.LiteralType():
            return "string"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case inspect.BoolType():
            return "boolean"
        case other:
            raise AssertionError(f"the document has no word for {other}")


def bound_cell(kind: inspect.Type) -> str:
    match without_none(kind):
        case inspect.LiteralType(values=values):
            return in_order(", ".join(code(str(value)) for value in values))
        case inspect.StrType(pattern=str(pattern)):
            return code(pattern.removeprefix("^").removesuffix("\\Z"))
        case inspect.StrType(min_length=int(least), max_length=int(most)):
            return f"{between(least, most)} characters"
        case inspect.StrType(max_length=int(most)):
            return f"at most {most} characters"
        case inspect.IntType(ge=int(least), le=int(most)):
            return between(least, "2^53" if most == 2**53 else most)
        case inspect.StrType() | inspect.IntType() as bounded:
            assert bounded == type(bounded)(), f"the document has no words for {bounded}"
    return ""


def in_order(listed: str) -> str:
    return ", ".join(sorted(listed.split(", ")))


def default_cell(field: inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "optional"
    has_value = field.default is not msgspec.NODEFAULT
    return code(json.dumps(field.default if has_value else field.default_factory()))


def expected(kind: Struct, fields: list[inspect.Field]) -> list[Row]:
    """What a table of these fields has to say, but for their meaning; in any order."""
    rows = [
        {
            "field": code(field.encode_name),
            "type": type_cell(field.type),
            "default": default_cell(field),
            "bound": bound_cell(field.type)
            or bound_in_words(TEXT_BOUNDS.get((kind, field.encode_name))),
        }
        for field in fields
    ]
    return sorted(rows, key=lambda row: row["field"])


def told(table: list[Row]) -> list[Row]:
    """What a table of the document says, put as by `expected`."""
    rows = [
        {
            "field": row.get("field") or row["field in `ok`"],
            "type": re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row["type"]),
            "default": row["default"],
            "bound": in_order(row.get("bound", "")),
        }
        for row in table
    ]
    return sorted(rows, key=lambda row: row["field"])


# --- sections and fields --------------------------------------------------------------------------


def test_every_type_has_a_section_and_every_section_a_type() -> None:
    assert sorted(titles("Commands")) == sorted(map(code, COMMANDS))
    assert sorted(titles("Events")) == sorted(map(code, EVENTS))
    assert sorted(titles("Objects")) == sorted(OBJECTS.values())


def test_the_overview_lists_every_command() -> None:
    [overview] = section("Commands").tables
    assert sorted(column("command", overview)) == sorted(COMMANDS)


def test_every_kind_of_answer_is_given_to_some_command() -> None:
    assert wire.ANSWERS.keys() == set(COMMANDS.values())
    assert set(wire.ANSWERS.values()) == {wire.Welcome, wire.Ok, *wire.Ok.__subclasses__()}


def test_what_all_commands_have() -> None:
    [table] = section("Rules for all frames").tables
    assert told(table) == expected(wire.Command, fields_of(wire.Command))


@pytest.mark.parametrize("tag", COMMANDS)
def test_the_fields_of_a_command_and_of_its_answer(tag: str) -> None:
    kind = COMMANDS[tag]
    answer = wire.ANSWERS[kind]
    tables = [expected(kind, fields_of(kind, besides=wire.Command))]
    if answer is not wire.Welcome:  # which is an event's section
        tables.append(expected(answer, fields_of(answer, besides=wire.Ok)))
    found = map(told, section("Commands", code(tag)).tables)
    assert list(found) == [table for table in tables if table]


@pytest.mark.parametrize("tag", EVENTS)
def test_the_fields_of_an_event(tag: str) -> None:
    [table] = section("Events", code(tag)).tables
    assert told(table) == expected(EVENTS[tag], fields_of(EVENTS[tag]))


@pytest.mark.parametrize(("kind", "title"), OBJECTS.items(), ids=OBJECTS.values())
def test_the_fields_of_an_object(kind: Struct, title: str) -> None:
    [table] = section("Objects", title).tables
    assert told(table) == expected(kind, fields_of(kind))


# --- examples -------------------------------------------------------------------------------------


def check_comes_back(frame: wire.Frame, example: str) -> None:
    """An example has only fields that its type has, and none at its default."""
    assert json.loads(wire.encode(frame)) == json.loads(example)


@pytest.mark.parametrize("tag", COMMANDS)
def test_the_examples_of_a_command(tag: str) -> None:
    kind = COMMANDS[tag]
    examples = section("Commands", code(tag)).examples
    answers = [example for example in examples if wire.head(example).type == "ok"]
    commands = [example for example in examples if example not in answers]
    for example in commands:
        command = wire.decode_command(example)
        assert type(command) is kind
        check_comes_back(command, example)
    for example in answers:
        check_comes_back(wire.decode_answer(example, wire.ANSWERS[kind]), example)
    assert commands
    # A bare `ok` need not be shown each time; a welcome is shown among the events.
    assert answers or wire.ANSWERS[kind] in {wire.Ok, wire.Welcome}


@pytest.mark.parametrize("tag", EVENTS)
def test_the_examples_of_an_event(tag: str) -> None:
    examples = section("Events", code(tag)).examples
    assert examples
    for example in examples:
        event = wire.decode_event(example)
        assert type(event) is EVENTS[tag]
        check_comes_back(event, example)


def test_the_first_conversation() -> None:
    fenced = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
    [conversation] = fenced.findall(section("Connecting").body)
    asked: dict[str | None, wire.AnyCommand] = {}
    for arrow, example in re.findall(r"([→←]) ([^→←]*)", conversation):
        head = wire.head(example)
        if arrow == "→":
            asked[head.id] = wire.decode_command(example)
            check_comes_back(asked[head.id], example)
        elif head.type == "ok":
            answer = wire.ANSWERS[type(asked[head.id])]
            check_comes_back(wire.decode_answer(example, answer), example)
        else:
            check_comes_back(wire.decode_event(example), example)
    assert asked


def test_no_example_stands_where_none_is_checked() -> None:
    checked = [s for s in SECTIONS if s.chapter in {"Commands", "Events"} and s.title != s.chapter]
    assert sum(len(s.examples) for s in checked) == DOCUMENT.count("```json")


# --- codes, and bounds told in prose --------------------------------------------------------------


def test_every_code_of_an_error_is_in_the_table_and_no_other() -> None:
    _, table = section("Errors").tables
    raised = values_given("CommandError", "RefusedFrame", position=0, keyword="code")
    assert sorted(column("code", table)) == sorted(raised)
    assert raised == wire.OUTCOMES.keys()


def test_the_table_says_what_each_error_leaves_of_a_command() -> None:
    _, table = section("Errors").tables
    told = {
        row["code"].strip("`"): wire.Outcome(row["temporary"] != "no", row["uncertain"] != "no")
        for row in table
    }
    assert told == wire.OUTCOMES
    words = {(row["temporary"], row["uncertain"]) for row in table}
    assert words == {("no", "no"), ("no", "yes"), ("yes", "no"), ("as it says", "as it says")}


def test_what_to_do_is_told_for_each_outcome() -> None:
    outcomes, _ = section("Errors").tables
    found = [(row["temporary"], row["uncertain"]) for row in outcomes]
    assert sorted(found) == [(a, b) for a in ("false", "true") for b in ("false", "true")]


def test_every_code_of_a_notice_is_in_the_list_and_no_other() -> None:
    listed = re.findall(r"^- `(\w+)`:", section("Events", "`notice`").body, re.MULTILINE)
    assert sorted(listed) == sorted(values_given("Notice", position=0, keyword="code"))


def test_every_close_code_is_in_the_table_and_no_other() -> None:
    [table] = section("Close codes").tables
    cells = [cell for cell in column("code", table) if cell != between(3000, 3999)]
    listed = {int(number) for cell in cells for number in cell.split(", ")}
    not_websocket = values_given("ProtocolViolation", position=0, keyword="code")
    assert not_websocket
    closed = {why.code for why in CLOSINGS} | not_websocket | CLOSED_BY_OTHERS
    assert listed == closed
    assert [wire.may_reconnect(number) for number in (4499, 4500, 4999)] == [True, False, False]
    assert between(4500, 4999) in section("Close codes").body


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (section("Connecting"), f"`ws://HOST:PORT{wire.PATH}`"),
        (section("Connecting"), f"`{wire.SUBPROTOCOL}`"),
        (section("Rules for all frames"), f"at most {wire.MAX_FRAME_BYTES // 1024} KiB;"),
        (section("Rules for all frames", "Names"), f"{between(1, wire.MAX_ROOM_CHARS)} characters"),
        (section("Rules for all frames", "Names"), f"`{wire.LOBBY}` is always there"),
        (section("Paging"), f"at most {shares.page(Settings().outbox_bytes) // 1024} KiB,"),
        (
            section("Events", "`presence`"),
            f"too long for one ({shares.presence(Settings().outbox_bytes) // 1024} KiB,",
        ),
        (section("Errors"), f"the text is over {wire.MAX_TEXT_BYTES} bytes"),
        (section("Errors"), f"a status text over {wire.MAX_STATUS_BYTES} "),
        (section("Close codes"), f"a frame over {wire.MAX_FRAME_BYTES // 1024} KiB"),
    ],
)
def test_what_is_told_in_prose(where: Section, words: str) -> None:
    assert words in where.body


def test_every_link_within_the_document_leads_to_a_heading() -> None:
    assert set(re.findall(r"\]\(#(.*?)\)", DOCUMENT)) <= anchors()
