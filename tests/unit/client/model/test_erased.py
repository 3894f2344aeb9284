"""What the operator has erased is to be seen nowhere, and keeps its place."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from client import events
from client.model import Chat, MessageLine
from gateway import wire
from tests.unit.client.model.chatting import NOON, joined, lines_of, message, online, texts


def erased(*seqs: int, up_to: int = 0, room: str = "lobby") -> wire.Erased:
    return wire.Erased(room=room, epoch="e", seqs=list(seqs), up_to=up_to)


def tombstone(seq: int) -> wire.Message:
    return msgspec.structs.replace(message(seq), text="", erased=True)


def said(chat: Chat) -> list[MessageLine]:
    return [line for line in lines_of(chat.room("lobby")) if isinstance(line, MessageLine)]


@pytest.mark.parametrize(("event", "left"), [(erased(2), "m1  m3"), (erased(up_to=2), "  m3")])
def test_an_erased_message_keeps_its_place_and_author(event: wire.Erased, left: str) -> None:
    chat = online()
    chat.apply(message(3), NOON)
    before = said(chat)
    chat.apply(event, NOON)
    assert " ".join(texts(chat)) == left
    for now, then in zip(said(chat), before, strict=True):
        assert now == (replace(then, text="", erased=True) if now.erased else then)
    assert not chat.room("lobby").transcript.find("m2")
    chat.apply(event, NOON)
    assert " ".join(texts(chat)) == left


def test_a_room_that_is_not_open_is_none_of_ones_business() -> None:
    chat = online()
    chat.apply(erased(2, room="cafe"), NOON)
    assert texts(chat) == ["m1", "m2"]


def test_a_tombstone_that_comes_is_shown_as_one() -> None:
    chat = online()
    chat.apply(tombstone(3), NOON)
    assert [line.erased for line in said(chat)] == [False, False, True]
    assert said(chat)[2].sender == "bob"


@pytest.mark.parametrize("recovered", [None, False])
def test_what_comes_again_without_its_text_is_erased_here(recovered: bool | None) -> None:
    """Whoever was away, or has signed in anew, may not have heard of it."""
    chat = online()
    chat.apply(joined(tombstone(1), message(2), message(3), recovered=recovered), NOON)
    assert [line.erased for line in said(chat) if line.seq == 1] == [True]
    assert "m1" not in texts(chat)


def test_older_messages_that_come_again_without_their_text_are_erased_here() -> None:
    chat = online()
    page = wire.HistoryPage(room="lobby", messages=[tombstone(1)], more=False)
    chat.room("lobby").add_older(page, "alice")
    assert texts(chat) == ["", "m2"]


def test_what_called_for_the_person_calls_no_more() -> None:
    chat = online()
    chat.note_focus(focused=False)
    chat.apply(message(3, "alice: look"), NOON)
    call = chat.room("lobby").newest_mention
    assert call is not None
    assert call.text == "alice: look"
    chat.apply(erased(3), NOON)
    call = chat.room("lobby").newest_mention
    assert call is not None
    assert (call.text, call.erased, call.mention) == ("", True, False)
    assert chat.room("lobby").mentions == 1, "somebody has called all the same"


@pytest.mark.parametrize("text", ["oh no", "/me sighs"])
def test_ones_own_words_are_not_there_to_be_said_again(text: str) -> None:
    chat = online()
    recall = chat.room("lobby").input.history
    for typed in ("first", text, "last"):
        recall.remember(typed)
    chat.apply(message(3, text, sender="alice"), NOON)
    chat.apply(erased(3), NOON)
    assert recall.step(1, "") == "last"
    assert recall.step(1, "last") == "first"


def test_a_message_of_another_inbox_is_not_meant() -> None:
    chat = online()
    direct = wire.DirectMessage(
        seq=2, at=NOON, epoch="e", sender="bob", to="alice", text="psst", id="d2"
    )
    chat.apply(direct, NOON)
    chat.apply(erased(2), NOON)
    [conversation] = chat.directs
    assert [line.text for line in lines_of(conversation) if isinstance(line, MessageLine)] == [
        "psst"
    ]


def test_after_a_reconnection_it_is_erased_too() -> None:
    chat = online()
    chat.apply(events.Rejoined(joined(seq=2, recovered=True)), NOON)
    chat.apply(erased(1), NOON)
    assert texts(chat) == ["", "m2"]
