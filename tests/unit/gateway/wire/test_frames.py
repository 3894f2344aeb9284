"""The protocol's frames: what is refused and why, and what comes through unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import wire
from gateway.backplane import payloads
from gateway.wire import MAX_HISTORY, MAX_TEXT_BYTES, RefusedFrame, close_codes

ONE_OF_FOUR = "A hello has exactly one of `nick`, `token`, `jwt` and `resume`."


def refusal(data: str | dict[str, Any]) -> RefusedFrame:
    """Decode what must be refused; gives how."""
    with pytest.raises(RefusedFrame) as caught:
        wire.decode_command(data if isinstance(data, str) else json.dumps(data))
    return caught.value


def send(text: str, **more: Any) -> str:
    frame = {"type": "send", "id": "1", "room": "lobby", "text": text} | more
    return json.dumps(frame, ensure_ascii=False)


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"type": "hello", "nick": "Alice"}, wire.Hello(nick="Alice")),
        ({"type": "join", "id": "1", "room": "r"}, wire.Join(id="1", room="r")),
        (
            {"type": "join", "room": "r", "since": {"epoch": "e", "seq": 0}, "history": 0},
            wire.Join(room="r", since=wire.Position("e", 0), history=0),
        ),
        (
            {"type": "join", "room": "r", "since": {"epoch": "e", "seq": 7, "id": "x"}},
            wire.Join(room="r", since=wire.Position("e", 7, "x")),
        ),
        ({"type": "leave", "room": "r"}, wire.Leave(room="r")),
        (
            {"type": "send", "id": "1", "room": "r", "text": "hi"},
            wire.Send(id="1", room="r", text="hi"),
        ),
        ({"type": "history", "room": "r"}, wire.History(room="r", before=None, limit=50)),
        (
            {"type": "history", "room": "r", "before": 1, "limit": MAX_HISTORY},
            wire.History(room="r", before=1, limit=MAX_HISTORY),
        ),
        ({"type": "members", "room": "r"}, wire.Members(room="r")),
        ({"type": "nick", "nick": "Bob"}, wire.Nick(nick="Bob")),
        ({"type": "rooms"}, wire.Rooms()),
        ({"type": "ping", "id": None}, wire.Ping()),
        ({"type": "ping", "id": "x" * 64}, wire.Ping(id="x" * 64)),
        ({"type": "ping", "a field of": {"the": ["future"]}}, wire.Ping()),
    ],
)
def test_a_command_is_read(frame: dict[str, Any], expected: wire.AnyCommand) -> None:
    assert wire.decode_command(json.dumps(frame)) == expected


@pytest.mark.parametrize(
    "data",
    [
        "", " ", "hello", "{", '{"type":"ping"', '{"type":"ping"} {"type":"ping"}',
        "{'type':'ping'}",
        '{"type":"ping","id":NaN}', '{"type":"ping",}', '"\x01"', "\ud800",
        '{"type":"send","id":"1","room":"r","text":"\ud800"}',
        '{"type":"send","id":"1","room":"r","text":"\\ud800"}',
        '{"type":"send","id":"1","room":"r","text":"\\udc00\\ud800"}',
    ],
)  # fmt: skip
def test_what_is_not_json(data: str) -> None:
    refused = refusal(data)
    assert (refused.code, refused.message, refused.id) == (
        "bad_frame", "The frame is not valid JSON.", None,
    )  # fmt: skip


@pytest.mark.parametrize("data", ["[]", "null", "3", '"ping"', "true", '[{"type":"ping"}]'])
def test_what_is_no_object(data: str) -> None:
    refused = refusal(data)
    assert (refused.code, refused.message) == ("bad_frame", "A frame is one JSON object.")


@pytest.mark.parametrize(
    "data",
    [
        "[" * 16_000,
        "[" * 8_000 + "]" * 8_000,
        '{"a":' * 3_000,
    ],
)
def test_deep_nesting_is_refused_like_any_other_frame(data: str) -> None:
    assert refusal(data).code == "bad_frame"


def test_deep_nesting_where_nobody_reads_does_no_harm() -> None:
    """How deep is too deep differs between Pythons; what is not is a frame like any other."""
    data = '{"type":"ping","x":' + "[" * 8_000 + "]" * 8_000 + "}"
    try:
        command = wire.decode_command(data)
    except RefusedFrame as refused:
        assert refused.code == "bad_frame"
    else:
        assert command == wire.Ping()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": "7"}, "Missing field `type`."),
        ({"id": "7", "type": "shout"}, "Unknown command type 'shout'."),
        ({"id": "7", "type": "welcome"}, "Unknown command type 'welcome'."),
        ({"id": "7", "type": 3}, "Expected `str` - at `type`."),
        (
            {"id": "7", "type": "hello"},
            ONE_OF_FOUR,
        ),
        ({"id": "7", "type": "join"}, "Missing field `room`."),
        ({"id": "7", "type": "send", "room": "r"}, "Missing field `text`."),
        (
            {"id": "7", "type": "hello", "nick": None},
            ONE_OF_FOUR,
        ),
        ({"id": "7", "type": "join", "room": 3}, "Expected `str`, got `int` - at `room`."),
        (
            {"id": "7", "type": "join", "room": "r", "history": 201},
            "Expected `int` <= 200 - at `history`.",
        ),
        (
            {"id": "7", "type": "join", "room": "r", "history": -1},
            "Expected `int` >= 0 - at `history`.",
        ),
        (
            {"id": "7", "type": "join", "room": "r", "history": "50"},
            "Expected `int`, got `str` - at `history`.",
        ),
        (
            {"id": "7", "type": "join", "room": "r", "since": {"epoch": "e"}},
            "Missing field `seq` - at `since`.",
        ),
        (
            {"id": "7", "type": "join", "room": "r", "since": {"epoch": "e", "seq": -1}},
            "Expected `int` >= 0 - at `since.seq`.",
        ),
        (
            {"id": "7", "type": "history", "room": "r", "limit": 201},
            "Expected `int` <= 200 - at `limit`.",
        ),
        (
            {"id": "7", "type": "history", "room": "r", "before": 0},
            "Expected `int` >= 1 - at `before`.",
        ),
    ],
)
def test_a_wrong_field_is_named_and_the_id_read_back(frame: dict[str, Any], message: str) -> None:
    refused = refusal(frame)
    assert (refused.code, refused.message, refused.id) == ("bad_frame", message, "7")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("", "Expected `str` of length >= 1 - at `id`."),
        ("x" * 65, "Expected `str` of length <= 64 - at `id`."),
        (7, "Expected `str | null`, got `int` - at `id`."),
        (["7"], "Expected `str | null`, got `array` - at `id`."),
    ],
)
def test_an_id_that_cannot_be_answered_is_not_read_back(wrong: object, message: str) -> None:
    refused = refusal({"type": "ping", "id": wrong})
    assert (refused.code, refused.message, refused.id) == ("bad_frame", message, None)


@pytest.mark.parametrize("frame", [{}, {"id": None}])
def test_a_message_must_have_an_id(frame: dict[str, Any]) -> None:
    refused = refusal({"type": "send", "room": "r", "text": "hi"} | frame)
    assert refused.code == "bad_frame"
    assert "`id`" in refused.message
    assert refused.id is None


def test_an_empty_text() -> None:
    refused = refusal(send(""))
    assert (refused.code, refused.message, refused.id) == ("bad_frame", "The text is empty.", "1")


@pytest.mark.parametrize("letter", ["x", "ü", "€", "👋"])
def test_a_text_is_measured_in_bytes_of_utf8(letter: str) -> None:
    size = len(letter.encode())
    longest = letter * (MAX_TEXT_BYTES // size)
    longest += "x" * (MAX_TEXT_BYTES - len(longest.encode()))
    command = wire.decode_command(send(longest))
    assert isinstance(command, wire.Send)
    assert command.text == longest

    refused = refusal(send(longest + "x"))
    assert (refused.code, refused.id) == ("too_long", "1")
    assert refused.message == "The text is longer than 4096 bytes."


@given(st.text(max_size=200))
def test_whatever_comes_is_read_or_refused(data: str) -> None:
    try:
        wire.decode_command(data)
    except RefusedFrame as refused:
        assert refused.message.endswith(".")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
fields = ["id", "room", "nick", "text", "since", "history", "before", "limit"]


@given(
    kind=st.sampled_from(["hello", "join", "leave", "send", "history", "members", "nick", "ping"]),
    values=st.dictionaries(st.sampled_from(fields), json_values | st.just("x")),
)
def test_a_refusal_has_the_id_wherever_there_is_one(kind: str, values: dict[str, Any]) -> None:
    readable = values.get("id")
    if not isinstance(readable, str) or not 1 <= len(readable) <= 64:
        readable = None
    try:
        command = wire.decode_command(json.dumps({"type": kind} | values))
    except RefusedFrame as refused:
        assert refused.code == "bad_frame"
        assert refused.id == readable
    else:
        assert command.id == readable


# --- round trips ----------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"))
counts = st.integers(0, 2**53)
members = st.builds(wire.Member, nick=texts)
events = st.one_of(
    st.builds(wire.Message, seq=counts, at=counts, room=texts, sender=texts, text=texts, id=texts),
    st.builds(
        wire.Presence,
        room=texts,
        version=counts,
        after=counts,
        joined=st.lists(members),
        left=st.lists(texts),
        changed=st.lists(st.builds(wire.Renamed, nick=texts, was=texts)),
    ),
    st.builds(
        wire.Notice,
        code=texts,
        message=texts,
        room=st.none() | texts,
        epoch=st.none() | texts,
        seq=st.none() | counts,
    ),
    st.builds(
        wire.Error, code=texts, message=texts, id=st.none() | texts, suggestion=st.none() | texts
    ),
)
ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
commands = st.one_of(
    st.builds(wire.Hello, id=st.none() | ids, nick=texts),
    st.builds(
        wire.Join,
        id=st.none() | ids,
        room=texts,
        since=st.none() | st.builds(wire.Position, epoch=texts, seq=counts),
        history=st.integers(0, MAX_HISTORY),
    ),
    st.builds(
        wire.Send, id=ids, room=texts, text=st.text(st.characters(codec="utf-8"), min_size=1)
    ),
    st.builds(
        wire.History,
        id=st.none() | ids,
        room=texts,
        before=st.none() | st.integers(1, 2**53),
        limit=st.integers(0, MAX_HISTORY),
    ),
)


@given(events)
def test_an_event_comes_through_unchanged(event: wire.AnyEvent) -> None:
    data = wire.encode(event).decode()
    assert wire.decode_event(data) == event
    head = wire.head(data)
    assert head.type == event.__struct_config__.tag
    assert head.id == getattr(event, "id", None)


@given(commands)
def test_a_command_comes_through_unchanged(command: wire.AnyCommand) -> None:
    assert wire.decode_command(wire.encode(command).decode()) == command


@given(message=st.builds(
    wire.Message, seq=st.integers(1, 2**53), at=counts, room=texts, sender=texts, text=texts,
    id=texts,
))  # fmt: skip
def test_a_message_is_whole_once_redis_has_put_its_head_on(message: wire.Message) -> None:
    tail = payloads.encode_message_tail(
        room=message.room, sender=message.sender, text=message.text, id=message.id
    )
    data = b'{"seq":%d,"at":%d' % (message.seq, message.at) + tail
    assert wire.decode_event(data.decode()) == message
    assert data.startswith(payloads.MESSAGE_PREFIX)
    assert payloads.message_seq(data) == message.seq


def test_the_answer_to_join_carries_encoded_messages_and_members_as_they_are() -> None:
    tail = payloads.encode_message_tail(room="r", sender="Alice", text="hi", id="1")
    message = b'{"seq":1,"at":2' + tail
    joined = wire.Joined(
        id="9", room="r", epoch="e", seq=1, version=3, count=1, recovered=False,
        members=[wire.Member(nick="Alice")], messages=payloads.as_messages([message]),
    )  # fmt: skip
    data = wire.encode(joined)
    assert message in data
    answer = wire.decode_answer(data.decode(), wire.Joined)
    assert answer.messages == [
        wire.Message(seq=1, at=2, room="r", sender="Alice", text="hi", id="1")
    ]
    assert answer.recovered is False
    assert (wire.head(data.decode()).type, wire.head(data.decode()).id) == ("ok", "9")


def test_a_field_at_its_default_is_left_out() -> None:
    assert wire.encode(wire.Ok(id="1")) == b'{"type":"ok","id":"1"}'
    assert wire.encode(wire.Error(code="c", message="m")) == (
        b'{"type":"error","code":"c","message":"m"}'
    )


def test_an_error_becomes_the_exception_that_it_was() -> None:
    error = wire.Error(id="1", code="too_fast", message="Slow down.", retry_after=1.5)
    exception = error.as_exception()
    assert (exception.code, exception.message, exception.retry_after, exception.suggestion) == (
        "too_fast", "Slow down.", 1.5, None,
    )  # fmt: skip
    assert str(exception) == "Slow down."


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"type":3}', "\ud800", "[" * 20_000])
def test_what_is_no_frame_of_a_node_is_a_value_error(data: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.head(data)
    with pytest.raises(ValueError, match=r"."):
        wire.decode_event(data)
    with pytest.raises(ValueError, match=r"."):
        wire.decode_answer(data, wire.Sent)


# --- close codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("close", close_codes.ALL, ids=str)
def test_the_code_tells_whether_to_come_back(close: close_codes.Close) -> None:
    do_not = {
        close_codes.NO_HELLO, close_codes.NICK_LOST, close_codes.REPLACED, close_codes.BANNED,
        close_codes.KICKED,
        close_codes.SIGNED_OUT,
        close_codes.ACCOUNT_CLOSED,
    }  # fmt: skip
    assert wire.may_reconnect(close.code) == (close not in do_not)
    assert 4000 <= close.code <= 4999 or close in {close_codes.NORMAL, close_codes.TOO_BIG}
    assert len(close.reason.encode()) <= 123, "a close frame holds no more"


@pytest.mark.parametrize(
    ("code", "may"),
    [
        (1000, True), (1001, True), (1006, True), (1012, True), (4000, True), (4499, True),
        (4500, False), (4999, False), (3000, True),
    ],
)  # fmt: skip
def test_only_4500_to_4999_forbid_to_come_back(code: int, may: bool) -> None:
    assert wire.may_reconnect(code) is may


def test_close_codes_are_told_apart() -> None:
    codes = [close.code for close in close_codes.ALL]
    assert len(set(codes)) == len(codes)
    declared = {each for each in vars(close_codes).values() if isinstance(each, close_codes.Close)}
    assert declared == set(close_codes.ALL)
