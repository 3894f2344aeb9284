"""Frames as no honest server sends them: dropped, or moved into their bounds."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from client.session.incoming import (
    LATEST_AT,
    MOST_ACCOUNT_ROOMS,
    MOST_CONVERSATIONS,
    MOST_DEVICES,
    MOST_ERASED,
    MOST_MEMBERS,
    MOST_MESSAGES,
    MOST_NAME_CHARS,
    MOST_NUMBER,
    SHORTEST_RETRY_AFTER,
    WrongFrame,
    read_answer,
    read_event,
    read_head,
)
from client.session.refusals import LONGEST_RETRY_AFTER
from client.text.visible import MOST_LINE_CHARS
from gateway import wire

MESSAGE: dict[str, Any] = {
    "seq": 5, "type": "message", "at": 1_800_000_000_000, "room": "lobby", "from": "bob",
    "text": "hello", "id": "m5",
}  # fmt: skip
JOINED: dict[str, Any] = {
    "type": "ok", "id": "1", "room": "lobby", "epoch": "e", "seq": 4, "version": 1, "count": 1,
    "members": [], "messages": [],
}  # fmt: skip
LIMITS: dict[str, Any] = {
    "frame_bytes": 1, "text_bytes": 4096, "rooms": 1, "history": 1, "flood_burst": 1,
    "flood_rate": 1.0,
}  # fmt: skip
WELCOME: dict[str, Any] = {
    "type": "welcome", "session": "s", "nick": "alice", "node": "n", "limits": LIMITS,
}  # fmt: skip


def message(**changes: object) -> wire.Message:
    event = read_event(json.dumps(MESSAGE | changes))
    assert isinstance(event, wire.Message)
    return event


def error(**fields: object) -> wire.Error:
    frame = {"type": "error", "code": "c", "message": "m", **fields}
    event = read_event(json.dumps(frame))
    assert isinstance(event, wire.Error)
    return event


def test_what_is_within_bounds_is_what_was_sent() -> None:
    event = read_event(json.dumps(MESSAGE | {"text": "two\nlines\u202e"}))
    assert event == wire.Message(
        seq=5, at=1_800_000_000_000, room="lobby", sender="bob", text="two\nlines\u202e", id="m5"
    ), "a text is made safe where it is displayed"


@pytest.mark.parametrize(
    ("sent", "read"), [(10**18, LATEST_AT), (-5, 0), (2**63, LATEST_AT), (0, 0)]
)
def test_a_time_is_one_that_can_be_displayed(sent: int, read: int) -> None:
    assert message(at=sent).at == read


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 2**63}, {"seq": -1}, {"seq": 2**53 + 1}, {"seq": None}, {"seq": 1.5},
        {"from": ""}, {"from": "x" * (MOST_NAME_CHARS + 1)}, {"from": "x" * 1_000_000},
        {"from": "bob\x07"}, {"from": "a\nb"}, {"from": "\u202ebob"}, {"room": "lob\x1b[2Jby"},
        {"id": "i" * (MOST_NAME_CHARS + 1)}, {"text": 7},
    ],
)  # fmt: skip
def test_a_message_with_a_field_out_of_bounds_is_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        message(**changes)


@pytest.mark.parametrize("nick", ["Łukasz", "नमस्ते", "m\u200cn", "O'Brien", "x" * MOST_NAME_CHARS])
def test_names_of_every_script_are_names(nick: str) -> None:
    assert message(**{"from": nick}).sender == nick


def test_a_text_is_cut_where_no_message_is_longer() -> None:
    assert len(message(text="x" * 3_000_000).text) == wire.MAX_TEXT_BYTES


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", "{}", '{"type": 3}', '{"type": "message"}', "[" * 2_000_000,
        '{"seq":1}', '{"type": "message", "z": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"seq": ' + "9" * 5_000 + ', "type": "message"}',
    ],
)  # fmt: skip
def test_what_is_no_frame_is_wrong(frame: str) -> None:
    with pytest.raises(WrongFrame):
        read_event(frame)


def test_a_frame_that_is_nested_deeply_is_wrong_as_an_answer_too() -> None:
    deep = '{"type": "ok", "id": "1", "seq": 1, "z": ' + "[" * 100_000 + "]" * 100_000 + "}"
    for read in (read_head, lambda frame: read_answer(frame, wire.Sent)):
        with pytest.raises(WrongFrame):
            read(deep)


def test_types_of_later_versions_are_no_events_and_not_wrong() -> None:
    assert read_event('{"type": "hologram", "depth": [1]}') is None
    assert read_event('{"type": "ok", "id": "late"}') is None


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (-1, SHORTEST_RETRY_AFTER), (0, SHORTEST_RETRY_AFTER), (2.5, 2.5),
        (10**9, LONGEST_RETRY_AFTER), (1e308, LONGEST_RETRY_AFTER), (None, None),
    ],
)  # fmt: skip
def test_the_time_to_wait_is_bounded(sent: float | None, read: float | None) -> None:
    assert error(retry_after=sent).retry_after == read


def test_what_is_shown_in_one_line_has_no_control_characters() -> None:
    told = error(message="\x1b[2J\u202eno\n" + "x" * 1_000_000, suggestion="a\x00")
    assert told.message.startswith("\u241b[2J\ufffdno\u240a")
    assert len(told.message) == MOST_LINE_CHARS
    assert told.suggestion is None
    notice = read_event('{"type": "notice", "code": "c", "message": "a\\u0007\\u2066b"}')
    assert isinstance(notice, wire.Notice)
    assert notice.message == "a\u2407\ufffdb"
    text = "\n" * 10_000
    member = {"nick": "a", "state": "away", "text": text}
    joined = read_answer(json.dumps(JOINED | {"members": [member]}), wire.Joined)
    assert len(joined.members[0].text) <= wire.MAX_STATUS_BYTES
    assert "\n" not in joined.members[0].text


def test_lists_are_cut_and_wrong_entries_left_out() -> None:
    people = [{"nick": f"n{number}"} for number in range(MOST_MEMBERS + 9)]
    joined = read_answer(
        json.dumps(JOINED | {"members": [{"nick": "\x00"}, *people], "count": -4}), wire.Joined
    )
    assert len(joined.members) == MOST_MEMBERS
    assert joined.members[0].nick == "n0"
    assert joined.count == 0
    many = [MESSAGE | {"seq": seq} for seq in (-1, *range(MOST_MESSAGES + 9))]
    joined = read_answer(json.dumps(JOINED | {"messages": many}), wire.Joined)
    assert len(joined.messages) == MOST_MESSAGES
    assert joined.messages[0].seq == 0
    erased = read_event(
        json.dumps({"type": "erased", "room": "r", "epoch": "e", "seqs": [1] * 100_000})
    )
    assert isinstance(erased, wire.Erased)
    assert len(erased.seqs) == MOST_ERASED


def test_limits_are_such_that_one_can_write() -> None:
    limits = LIMITS | {"text_bytes": -7, "rooms": 2**63, "ping_interval": -1e300}
    welcome = read_answer(json.dumps(WELCOME | {"limits": limits, "node": "\x1b"}), wire.Welcome)
    assert welcome.limits.text_bytes == 1
    assert welcome.limits.rooms == MOST_NUMBER
    assert welcome.limits.ping_interval == 0.0
    assert welcome.node == "\u241b"


@pytest.mark.parametrize(
    "changes",
    [{"nick": ""}, {"session": "s" * 1_000}, {"inbox": {"epoch": "e" * 1_000, "seq": 0}}],
)
def test_a_welcome_that_could_not_be_resumed_is_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        read_answer(json.dumps(WELCOME | changes), wire.Welcome)


ROOM: dict[str, Any] = {"room": "lobby", "seq": 9, "read": 4, "unread": 5, "mentions": 1}


def test_an_account_in_a_welcome_is_what_was_sent() -> None:
    account: dict[str, Any] = {
        "account": "a1", "role": "admin", "device": "d1", "rooms": [ROOM], "token": "a1.d1.t",
        "change_password": True,
    }  # fmt: skip
    welcome = read_answer(json.dumps(WELCOME | account), wire.Welcome)
    assert (welcome.account, welcome.role, welcome.device) == ("a1", "admin", "d1")
    assert (welcome.token, welcome.change_password) == ("a1.d1.t", True)
    assert welcome.rooms == [wire.AccountRoom(**ROOM)]


@pytest.mark.parametrize(
    "changes",
    [
        {"account": ""}, {"account": "a" * 1_000}, {"account": "a\u202eb"}, {"account": 7},
        {"role": "r" * 1_000}, {"device": "\x00"}, {"token": "t" * 1_000},
    ],
)  # fmt: skip
def test_an_account_out_of_bounds_is_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        read_answer(json.dumps(WELCOME | {"account": "a"} | changes), wire.Welcome)


def test_the_rooms_of_an_account_are_bounded() -> None:
    wrong = [ROOM | {"room": "\x00"}, ROOM | {"seq": -1}, ROOM | {"read": 2**63}]
    rooms = [*wrong, ROOM | {"unread": -3, "mentions": 2**63}, *[ROOM] * (MOST_ACCOUNT_ROOMS + 9)]
    welcome = read_answer(json.dumps(WELCOME | {"rooms": rooms}), wire.Welcome)
    assert len(welcome.rooms) == MOST_ACCOUNT_ROOMS
    assert (welcome.rooms[0].unread, welcome.rooms[0].mentions) == (0, MOST_NUMBER)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"registration": "invite", "password_length": 8}, ("invite", 8)),
        ({"registration": "maybe", "password_length": -1}, ("closed", 1)),
        ({"password_length": 10**9}, ("closed", 1024)),
    ],
)
def test_what_is_asked_of_a_password_is_bounded(
    sent: dict[str, Any], read: tuple[str, int]
) -> None:
    welcome = read_answer(json.dumps(WELCOME | {"limits": LIMITS | sent}), wire.Welcome)
    assert (welcome.limits.registration, welcome.limits.password_length) == read


def test_devices_are_bounded() -> None:
    device = {"id": "d", "name": "a\nb" + "x" * 1_000, "last_seen": 10**18}
    devices = [{"id": "", "name": "", "last_seen": 1}, *[device] * (MOST_DEVICES + 9)]
    answer = read_answer(json.dumps({"type": "ok", "devices": devices}), wire.DeviceList)
    assert len(answer.devices) == MOST_DEVICES
    assert (len(answer.devices[0].name), answer.devices[0].last_seen) == (
        MOST_NAME_CHARS,
        LATEST_AT,
    )
    assert "\n" not in answer.devices[0].name


def test_conversations_are_bounded() -> None:
    talk = {"with": "bob", "person": "p", "seq": 7, "read": 5, "unread": -1}
    wrong = [talk | {"with": "\u202e"}, talk | {"person": "p" * 1_000}, talk | {"seq": -1}]
    listed = [*wrong, *[talk] * (MOST_CONVERSATIONS + 9)]
    frame = json.dumps({"type": "ok", "conversations": listed})
    answer = read_answer(frame, wire.ConversationList)
    assert len(answer.conversations) == MOST_CONVERSATIONS
    assert answer.conversations[0].unread == 0


def test_the_history_of_a_conversation_is_bounded() -> None:
    direct = {
        "seq": 1, "type": "direct", "at": -1, "from": "bob", "to": "alice", "text": "t", "id": "d",
    }  # fmt: skip
    page = {"type": "ok", "with": "bob", "before": 4, "more": True}
    sent = [direct | {"from": ""}, *[direct] * (MOST_MESSAGES + 9)]
    answer = read_answer(json.dumps(page | {"directs": sent}), wire.HistoryPage)
    assert (len(answer.directs), answer.directs[0].at) == (MOST_MESSAGES, 0)
    for changes in ({"with": ""}, {"before": -1}, {"before": 2**63}):
        with pytest.raises(WrongFrame):
            read_answer(json.dumps(page | changes), wire.HistoryPage)


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ({"type": "joined", "room": "cafe"}, wire.JoinedElsewhere(room="cafe")),
        ({"type": "left", "room": "cafe"}, wire.LeftElsewhere(room="cafe")),
        ({"type": "read", "room": "cafe", "seq": 1}, wire.ReadElsewhere(room="cafe", seq=1)),
        ({"type": "read", "with": "bob", "seq": 1}, wire.ReadElsewhere(with_="bob", seq=1)),
    ],
)
def test_what_another_device_did_is_an_event(frame: dict[str, Any], event: wire.AnyEvent) -> None:
    assert read_event(json.dumps(frame)) == event


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "joined", "room": ""}, {"type": "joined"}, {"type": "left", "room": "\x1b[2J"},
        {"type": "left", "room": "r" * 1_000}, {"type": "read", "seq": 1},
        {"type": "read", "room": "a", "with": "b", "seq": 1},
        {"type": "read", "room": "", "seq": 1}, {"type": "read", "room": "a", "seq": -1},
        {"type": "read", "with": "a", "seq": 2**63},
    ],
)  # fmt: skip
def test_what_another_device_cannot_have_done_is_wrong(frame: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        read_event(json.dumps(frame))


@pytest.mark.parametrize("seq", [2**63, -1])
def test_a_position_that_no_node_takes_back_is_wrong(seq: int) -> None:
    with pytest.raises(WrongFrame):
        read_answer(json.dumps(JOINED | {"seq": seq}), wire.Joined)
    with pytest.raises(WrongFrame):
        read_answer(json.dumps({"type": "ok", "seq": seq}), wire.Sent)


def test_the_longest_frame_is_read_in_a_bounded_time() -> None:
    people = [
        {"nick": f"{number:x<32}", "state": "away", "text": "\u202e" * 40}
        for number in range(20_000)
    ]
    frame = json.dumps(JOINED | {"members": people}, ensure_ascii=False)
    assert 2_000_000 < len(frame) < 4 * 1024 * 1024
    began = time.process_time()
    read_answer(frame, wire.Joined)
    assert time.process_time() - began < 5.0, "it takes about 0.3 s"
