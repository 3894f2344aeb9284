"""What a person sees of a chat: what was said where, and how much of it is unread."""

from __future__ import annotations

from datetime import timedelta

from client import events
from client.model import MOST_ROWS, Chat, ConversationKey, DateLine, MessageLine, SystemLine
from client.model.chat import MOST_UNANSWERED
from gateway import wire
from tests.unit.client.model.chatting import (
    NOON,
    direct,
    joined,
    lines_of,
    message,
    online,
    presence,
    texts,
)


class TestLines:
    def test_what_was_said_before_comes_with_the_join_and_the_rest_as_it_is_said(self) -> None:
        chat = online()
        chat.apply(message(3, "hello"), NOON)
        assert texts(chat) == ["m1", "m2", "hello"]
        assert lines_of(chat.room("lobby"))[-1] == MessageLine(NOON, "bob", "hello", "id3", 3)

    def test_what_was_missed_comes_after_a_reconnection(self) -> None:
        chat = online()
        chat.apply(events.Disconnected("it broke", 4.0, "ws://b/ws"), NOON)
        chat.apply(events.Connected("ws://b/ws", "node-b", "alice", resumed=True), NOON)
        chat.apply(events.Rejoined(joined(message(3), recovered=True)), NOON)
        assert texts(chat) == [
            "m1", "m2", "Not connected: it broke", "Connected again, to node-b", "m3",
        ]  # fmt: skip

    def test_what_could_not_be_recovered_is_told_and_nothing_is_shown_twice(self) -> None:
        chat = online()
        chat.apply(events.Rejoined(joined(message(2), message(9), recovered=False)), NOON)
        assert texts(chat) == ["m1", "m2", "Some messages may be missing here.", "m9"]
        assert lines_of(chat.room("lobby"))[-2] == SystemLine(
            NOON, "Some messages may be missing here.", warning=True
        )

    def test_a_new_day_begins_with_its_date(self) -> None:
        chat = online()
        chat.apply(message(3, at=24 * 3600 * 1000), NOON)
        days = [line.day for line in lines_of(chat.room("lobby")) if isinstance(line, DateLine)]
        assert days[1] - days[0] == timedelta(days=1)

    def test_only_the_newest_lines_are_kept(self) -> None:
        conversation = online().room("lobby")
        assert not conversation.has_older
        oldest = conversation.transcript.entries[0]
        for seq in range(3, MOST_ROWS + 10):
            conversation.add_message(message(seq), "alice")
        assert len(conversation.transcript.entries) == MOST_ROWS
        assert oldest.gone
        assert conversation.transcript.oldest_seq == 10
        assert conversation.has_older, "the server still has what was dropped"

    def test_who_came_and_went_at_once_leaves_no_empty_line(self) -> None:
        chat = online()
        chat.apply(presence(2, joined="carol"), NOON)
        (*_, told) = lines_of(chat.room("lobby"))
        chat.apply(presence(3, left="carol"), NOON)
        assert texts(chat) == ["m1", "m2"]
        assert told not in lines_of(chat.room("lobby"))

    def test_notices_are_told_in_their_room_or_in_all(self) -> None:
        chat = online()
        chat.apply(wire.Notice(code="draining", message="This node is going away."), NOON)
        chat.apply(wire.Notice(code="history_gap", message="A gap.", room="lobby"), NOON)
        chat.apply(wire.Error(code="unavailable", message="Not now."), NOON)
        assert texts(chat)[2:] == ["This node is going away.", "A gap.", "Not now."]


class TestCounting:
    def test_what_is_said_elsewhere_is_unread_until_it_is_shown(self) -> None:
        chat = online()
        chat.apply(direct(1, "hello"), NOON)
        (bob,) = chat.directs
        assert (bob.unread, bob.mentions, chat.unread()) == (1, 1, 1)
        assert chat.unread(muted={"bob"}) == 0
        first = bob.unread_from
        chat.apply(direct(2, "you there?"), NOON)
        chat.show(bob)
        assert (bob.unread, bob.unread_from) == (0, first)
        chat.show(chat.room("lobby"))
        assert bob.unread_from is None

    def test_what_is_said_while_the_window_is_elsewhere_is_unread(self) -> None:
        chat = online()
        chat.note_focus(focused=False)
        chat.apply(message(3, "alice: look"), NOON)
        assert (chat.unread(), chat.room("lobby").mentions) == (1, 1)
        chat.note_focus(focused=True)
        assert (chat.unread(), chat.room("lobby").mentions) == (0, 0)

    def test_what_comes_while_one_reads_further_up_is_unread_until_one_is_at_the_end(self) -> None:
        chat = online()
        lobby = chat.room("lobby")
        lobby.view.entry = lobby.transcript.entries[0]
        chat.apply(message(3, "alice: look"), NOON)
        chat.note_focus(focused=True)
        assert (lobby.unread, lobby.mentions) == (1, 1)
        lobby.view.go_to_end()
        chat.read_current()
        assert (lobby.unread, lobby.mentions) == (0, 0)

    def test_who_says_something_is_at_the_end_again(self) -> None:
        chat = online()
        lobby = chat.room("lobby")
        lobby.view.entry = lobby.transcript.entries[0]
        chat.apply(message(3), NOON)
        lobby.write("id4", "hello")
        assert (lobby.unread, lobby.unread_from) == (0, None)
        chat.apply(message(5), NOON)
        assert lobby.unread == 0

    def test_the_conversation_with_somebody_follows_their_name(self) -> None:
        chat = online()
        chat.apply(direct(1, "hello"), NOON)
        chat.apply(presence(2, changed="bob>rob"), NOON)
        assert [c.title for c in chat.directs] == ["rob"]
        assert chat.conversation(ConversationKey("ROB", direct=True)) is chat.directs[0]

    def test_a_conversation_under_the_new_name_is_kept_beside_the_old_one(self) -> None:
        chat = online()
        chat.apply(direct(1, "hello"), NOON)
        (bob,) = chat.directs
        bob.input.text = "half a thought"
        rob = chat.conversation(ConversationKey("Rob", direct=True))
        rob.write("id1", "to whoever was rob")
        for version in (2, 3):  # each room that both are in tells it
            chat.apply(presence(version, changed="bob>rob"), NOON)
        assert chat.conversation(ConversationKey("bob", direct=True)) is bob
        assert chat.conversation(ConversationKey("rob", direct=True)) is rob
        assert rob.drafts
        assert [line.text for line in lines_of(bob)[1:] if not isinstance(line, DateLine)] == [
            "hello", "bob is now rob",
        ]  # fmt: skip

    def test_the_conversation_follows_a_name_that_is_only_spelt_otherwise(self) -> None:
        chat = online()
        chat.apply(direct(1, "hello"), NOON)
        (bob,) = chat.directs
        chat.apply(presence(2, changed="bob>BOB"), NOON)
        assert (chat.directs, bob.name) == ([bob], "BOB")

    def test_where_one_may_want_to_go(self) -> None:
        chat = online()
        lobby, ops, dev = chat.room("lobby"), chat.room("ops"), chat.room("dev")
        chat.show(ops)
        chat.show(dev)
        assert chat.likely_next() is ops, "where one was before"
        chat.apply(message(3), NOON)
        assert chat.likely_next() is lobby, "what is unread"
        assert chat.likely_next(muted={"#lobby"}) is ops
        chat.apply(direct(1, "hello"), NOON)
        assert chat.likely_next() is chat.directs[0], "what calls"

    def test_use_brings_a_conversation_to_the_top_and_closing_turns_to_another(self) -> None:
        chat = online()
        chat.room("b")
        chat.room("c")
        chat.use(chat.room("lobby"))
        assert [c.name for c in chat.rooms] == ["lobby", "c", "b"]
        chat.close(chat.room("lobby"))
        assert chat.current is chat.room("c")


# --- how a room is called -------------------------------------------------------------------------


def test_a_room_is_called_as_the_server_calls_it() -> None:
    chat = Chat()
    asked = chat.room("LOBBY")
    asked.write("mine", "hello?")
    chat.name_room(asked, "lobby")
    chat.apply(joined(message(1)), NOON)
    assert chat.rooms == [asked]
    assert (asked.name, asked.title, asked.is_joined) == ("lobby", "#lobby", True)
    assert list(asked.drafts) == ["mine"]


def test_two_spellings_of_a_room_become_one_conversation() -> None:
    chat = online()
    lobby = chat.room("lobby")
    other = chat.room("LOBBY")
    other.write("mine", "hello?")
    other.input.text = "half a sen"
    chat.show(other)
    chat.name_room(other, "lobby")
    assert (chat.rooms, chat.current) == ([lobby], lobby)
    assert list(lobby.drafts) == ["mine"]
    assert lobby.input.text == "half a sen"
    chat.name_room(other, "elsewhere")
    assert chat.rooms == [lobby], "it is closed"


def test_what_is_half_written_in_the_open_conversation_of_a_room_stays() -> None:
    chat = online()
    chat.room("lobby").input.text = "mine"
    other = chat.room("LOBBY")
    other.input.text = "other"
    chat.name_room(other, "lobby")
    assert chat.room("lobby").input.text == "mine"


def test_a_room_that_was_made_again_under_another_spelling_stays_one_conversation() -> None:
    chat = Chat()
    ops = chat.room("Lobby")
    chat.apply(events.Rejoined(joined(message(1), recovered=False), was="Lobby"), NOON)
    assert chat.rooms == [ops]
    assert ops.name == "lobby"


def test_an_open_room_is_found_in_whatever_case_it_is_spelt() -> None:
    chat = online()
    assert chat.open_room("LOBBY") is chat.room("lobby")
    assert chat.open_room("ops") is None


class TestStrangers:
    def test_only_so_many_conversations_are_open_that_nobody_has_answered(self) -> None:
        chat = online()
        chat.apply(direct_from("friend"), NOON)
        friend = chat.conversation(ConversationKey("friend", direct=True))
        friend.write("d", "hello")
        chat.conversation(ConversationKey("asked", direct=True))
        for number in range(MOST_UNANSWERED + 50):
            chat.apply(direct_from(f"s{number}"), NOON)
        names = {conversation.name for conversation in chat.directs}
        assert len(names) == MOST_UNANSWERED + 2
        assert {"friend", "asked", f"s{MOST_UNANSWERED + 49}", "s50"} <= names
        assert "s49" not in names, "the oldest were closed"
        told = [text for text in texts(chat) if "Too many people" in text]
        assert len(told) == 1, "and that is told, once"

    def test_what_is_answered_or_shown_stays(self) -> None:
        chat = online()
        chat.apply(direct_from("shown"), NOON)
        shown = chat.conversation(ConversationKey("shown", direct=True))
        chat.show(shown)
        chat.apply(direct_from("elsewhere"), NOON)
        answer = wire.DirectMessage(
            seq=2, at=NOON, epoch="e", sender="alice", to="elsewhere", text="from my phone", id="x"
        )
        chat.apply(answer, NOON)
        for number in range(3 * MOST_UNANSWERED):
            chat.apply(direct_from(f"s{number}"), NOON)
        assert chat.current is shown
        assert {"shown", "elsewhere"} <= {conversation.name for conversation in chat.directs}


def direct_from(sender: str) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=1, at=NOON, epoch="e", sender=sender, to="alice", text="psst", id=f"of-{sender}"
    )
