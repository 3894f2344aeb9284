"""The largest answer of every kind fits into the smallest bound that an operator may set."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from gateway import wire
from gateway.backplane import payloads
from gateway.config import BadSetting, Settings, load
from gateway.net import shares

SMALLEST: Final = 65_536
CONTROL = "\x01"
"""A character that takes six bytes in JSON."""
WIDE = "\U00020000"
"""A character of four bytes, which names may have."""
NICK: Final = WIDE * 32
ROOM: Final = WIDE * wire.MAX_ROOM_CHARS
ID: Final = CONTROL * 64
MEMBER: Final = wire.Member(nick=NICK, state="online", text='"' * wire.MAX_STATUS_BYTES)
RENAMED: Final = wire.Renamed(nick=NICK, was=NICK, state="online", text=MEMBER.text)
SEQ: Final = 10**16 - 1
EPOCH: Final = "901bc9c62f0.999999.abcdef"


def message() -> bytes:
    tail = payloads.encode_message_tail(
        room=ROOM, sender=NICK, text=CONTROL * wire.MAX_TEXT_BYTES, id=ID
    )
    return b'{"seq":%d,"at":%d' % (SEQ, SEQ) + tail


def direct() -> bytes:
    tail = payloads.encode_direct_tail(
        sender=NICK, to=NICK, text=CONTROL * wire.MAX_TEXT_BYTES, id=ID, person="p" * 16
    )
    return b'{"seq":%d,"at":%d,"epoch":"%s"' % (SEQ, SEQ, EPOCH.encode()) + tail


def test_it_is_the_smallest() -> None:
    assert load({"outbox_bytes": str(SMALLEST)}, {}).outbox_bytes == SMALLEST
    with pytest.raises(BadSetting):
        load({"outbox_bytes": str(SMALLEST - 1)}, {})


def test_an_answer_holds_one_message_at_least() -> None:
    for longest in (message(), direct()):
        assert len(longest) + 1 <= shares.messages(SMALLEST)


def test_a_page_holds_some_members_and_a_presence_some_changes() -> None:
    assert 8 * len(msgspec.json.encode(MEMBER)) <= shares.page(SMALLEST)
    assert 6 * len(msgspec.json.encode(RENAMED)) <= shares.presence(SMALLEST)


@pytest.mark.parametrize("limit", [SMALLEST, Settings().outbox_bytes])
def test_the_largest_answers_fit_behind_what_may_wait_before_them(limit: int) -> None:
    page = "x" * (shares.page(limit) + len(msgspec.json.encode(MEMBER)))
    listed: Any = msgspec.Raw(b'["%s"]' % page.encode())
    messages: Any = msgspec.Raw(b'["%s"]' % (b"x" * shares.messages(limit)))
    position = wire.Position(epoch=EPOCH, seq=SEQ, id=ID)
    answers: list[wire.Event] = [
        wire.Joined(
            id=ID, room=ROOM, epoch=EPOCH, seq=SEQ, version=SEQ, count=SEQ, members=listed,
            messages=messages, recovered=False, next=NICK,
        ),
        wire.MemberList(id=ID, room=ROOM, version=SEQ, members=listed, next=NICK),
        wire.HistoryPage(id=ID, room=ROOM, messages=messages, more=True),
        wire.RoomList(id=ID, rooms=messages),
        wire.Welcome(
            id=ID, session="x" * 64, nick=NICK, node="x" * 80, resumed=True, inbox=position,
            directs=messages, recovered=False,
            limits=wire.Limits(
                frame_bytes=SEQ, text_bytes=SEQ, rooms=SEQ, history=SEQ, flood_burst=SEQ,
                flood_rate=1.0,
            ),
        ),
        wire.Presence(room=ROOM, version=SEQ, after=SEQ, left=["x" * shares.presence(limit)]),
        wire.Erased(room=ROOM, epoch=EPOCH, up_to=SEQ, seqs=[SEQ] * 1_000),
        wire.Error(id=ID, code="no_such_nick", message="x" * wire.MAX_FRAME_BYTES),
    ]  # fmt: skip
    for answer in answers:
        assert shares.backlog(limit) + len(wire.encode(answer)) < limit, type(answer)
