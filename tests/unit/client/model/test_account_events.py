"""What a person sees of their account: what is unread, and what their other devices do."""

from __future__ import annotations

import pytest

from client import events
from client.model import Chat, Conversation, ConversationKey, MessageLine, SignedOut
from gateway import wire
from tests.unit.client.model.chatting import NOON, direct, joined, message, online, texts


def account(*rooms: wire.AccountRoom, name: str = "a1") -> events.AccountState:
    return events.AccountState(account=name, role="user", device="d1", rooms=rooms)


def signed_in(*rooms: wire.AccountRoom) -> Chat:
    """Alice on a new device, which is connected and has joined no room yet."""
    chat = Chat()
    chat.sign_in("alice", "account")
    chat.open_rooms((), None)
    chat.apply(events.Connected("ws://a/ws", "node-a", "alice", resumed=False), NOON)
    chat.apply(account(*rooms), NOON)
    return chat


def with_unread(read: int, *, focused: bool = False) -> Chat:
    """Alice in the lobby, of whose four messages some are read."""
    unread = 4 - read
    chat = signed_in(wire.AccountRoom(room="lobby", seq=4, read=read, unread=unread, mentions=1))
    chat.note_focus(focused=focused)
    messages = (message(1), message(2), message(3), message(4, "hello @alice"))
    chat.apply(events.Rejoined(joined(*messages)), NOON)
    return chat


def marked(conversation: Conversation) -> str | None:
    entry = conversation.unread_from
    return entry.line.text if entry and isinstance(entry.line, MessageLine) else None


class TestUnread:
    def test_it_is_there_before_the_room_is_joined(self) -> None:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=9, read=2, unread=7, mentions=2))
        assert (chat.room("lobby").unread, chat.room("lobby").mentions) == (7, 2)

    def test_messages_that_are_not_here_count_and_the_mark_is_above_the_first_unread_one(
        self,
    ) -> None:
        chat = with_unread(2)
        lobby = chat.room("lobby")
        assert (lobby.unread, lobby.mentions, marked(lobby)) == (2, 1, "m3")

    def test_the_mark_moves_up_to_where_one_stopped_as_older_messages_come(self) -> None:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=6, read=2, unread=4))
        chat.note_focus(focused=False)
        chat.apply(events.Rejoined(joined(message(5), message(6))), NOON)
        lobby = chat.room("lobby")
        assert (lobby.unread, marked(lobby)) == (4, "m5")
        page = wire.HistoryPage(messages=[message(n) for n in (1, 2, 3, 4)], more=False)
        lobby.add_older(page, "alice")
        assert marked(lobby) == "m3"

    def test_whoever_is_at_the_end_has_read_it_and_still_sees_where_they_stopped(self) -> None:
        chat = with_unread(2, focused=True)
        lobby = chat.room("lobby")
        assert (lobby.unread, lobby.seen, marked(lobby)) == (0, 4, "m3")

    def test_a_room_that_is_not_joined_yet_is_not_read_by_being_shown(self) -> None:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=9, read=2, unread=7))
        assert chat.current is chat.room("lobby")
        assert (chat.room("lobby").unread, chat.room("lobby").seen) == (7, 0)

    def test_own_messages_are_not_unread(self) -> None:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=2, read=0, unread=2))
        chat.note_focus(focused=False)
        chat.apply(events.Rejoined(joined(message(1, sender="alice"), message(2))), NOON)
        assert chat.room("lobby").unread == 1


class TestReadElsewhere:
    def test_all_of_it_leaves_nothing_unread(self) -> None:
        chat = with_unread(1)
        chat.apply(wire.ReadElsewhere(room="lobby", seq=4), NOON)
        lobby = chat.room("lobby")
        assert (lobby.unread, lobby.mentions, marked(lobby)) == (0, 0, None)

    def test_some_of_it_leaves_the_rest(self) -> None:
        chat = with_unread(1)
        chat.apply(wire.ReadElsewhere(room="lobby", seq=3), NOON)
        assert (chat.room("lobby").unread, chat.room("lobby").mentions) == (1, 1)

    def test_a_marker_never_goes_back(self) -> None:
        chat = with_unread(3)
        chat.apply(wire.ReadElsewhere(room="lobby", seq=1), NOON)
        assert (chat.room("lobby").read, chat.room("lobby").unread) == (3, 1)

    def test_it_holds_for_conversations(self) -> None:
        chat = signed_in()
        chat.note_focus(focused=False)
        chat.apply(direct(7, "hi"), NOON)
        conversation = chat.directs[0]
        assert conversation.unread == 1
        chat.apply(wire.ReadElsewhere(with_="bob", seq=7), NOON)
        assert conversation.unread == 0

    def test_of_what_is_not_open_it_changes_nothing(self) -> None:
        chat = with_unread(4)
        chat.apply(wire.ReadElsewhere(room="tea", seq=4), NOON)
        assert [room.name for room in chat.rooms] == ["lobby"]


class TestConversations:
    def listed(self) -> Chat:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=0, read=0))
        chat.apply(joined(), NOON)
        bob = wire.ConversationInfo(with_="bob", person="p1", seq=8, read=5, unread=2)
        carol = wire.ConversationInfo(with_="carol", person="p2", seq=3, read=3)
        chat.apply(wire.ConversationList(conversations=[bob, carol]), NOON)
        return chat

    def test_those_of_the_account_are_listed_the_newest_first(self) -> None:
        chat = self.listed()
        assert [(c.name, c.unread) for c in chat.directs] == [("bob", 2), ("carol", 0)]

    def test_their_messages_are_asked_for_once_and_marked_where_one_stopped(self) -> None:
        chat = self.listed()
        bob = chat.directs[0]
        chat.show(bob)
        assert bob.wants_history
        assert bob.unread == 2, "what is not here yet is not read"
        page = wire.HistoryPage(directs=[direct(4, "a"), direct(6, "b")], before=4, more=True)
        bob.add_older(page, "alice")
        chat.read_current()
        assert (bob.wants_history, bob.unread, bob.seen, marked(bob)) == (False, 0, 8, "b")
        assert (bob.may_load_older, bob.older_before) == (True, 4)

    def test_the_last_page_ends_it(self) -> None:
        chat = self.listed()
        carol = chat.directs[1]
        carol.add_older(wire.HistoryPage(directs=[direct(3, "a")], more=False), "alice")
        assert not carol.may_load_older

    def test_what_another_device_says_is_ones_own(self) -> None:
        chat = self.listed()
        said = wire.DirectMessage(
            seq=9, at=NOON, epoch="e", sender="alicia", to="bob", text="hi", own=True, id="d9"
        )
        chat.apply(said, NOON)
        assert (chat.directs[0].name, chat.directs[0].unread) == ("bob", 2)


class TestOtherDevices:
    def test_a_room_joined_elsewhere_is_there(self) -> None:
        chat = with_unread(4)
        chat.apply(wire.JoinedElsewhere(room="tea"), NOON)
        assert {room.name for room in chat.rooms} == {"lobby", "tea"}

    def test_a_room_left_elsewhere_is_gone(self) -> None:
        chat = with_unread(4)
        chat.room("tea")
        chat.apply(wire.LeftElsewhere(room="tea"), NOON)
        assert [room.name for room in chat.rooms] == ["lobby"]

    @pytest.mark.parametrize("has_draft", [True, False])
    def test_a_room_left_elsewhere_stays_with_what_was_written_in_it(
        self, *, has_draft: bool
    ) -> None:
        chat = with_unread(4)
        tea = chat.room("tea")
        if has_draft:
            tea.write("x", "not sent")
        else:
            tea.input.text = "not sent"
        chat.apply(wire.LeftElsewhere(room="tea"), NOON)
        assert tea in chat.rooms
        assert tea.left_elsewhere

    def test_the_last_room_stays_and_says_so(self) -> None:
        chat = with_unread(4)
        chat.apply(wire.LeftElsewhere(room="lobby"), NOON)
        assert texts(chat)[-1] == "You have left this room on another device."

    def test_a_new_nickname_is_ones_own(self) -> None:
        chat = with_unread(4)
        chat.apply(events.NickChanged("alicia"), NOON)
        assert chat.nick == "alicia"

    def test_the_status_of_the_account_is_shown(self) -> None:
        chat = signed_in(wire.AccountRoom(room="lobby", seq=0, read=0))
        busy = wire.Member(nick="alice", state="busy", text="tea", registered=True)
        answer = wire.Joined(
            room="lobby", epoch="e", seq=0, version=1, count=1, members=[busy], messages=[]
        )
        chat.apply(answer, NOON)
        assert chat.status == busy


class TestSignedOutElsewhere:
    def ended(self, *unsent: events.Unsent) -> Chat:
        chat = with_unread(4)
        lobby = chat.room("lobby")
        lobby.write("sure", "never sent")
        lobby.write("doubt", "on its way")
        lobby.input.text = "half a sen"
        chat.apply(events.Ended("this device was signed out", "signed_out", unsent), NOON)
        return chat

    def test_the_first_page_says_so_with_the_nickname(self) -> None:
        state = self.ended().connection
        assert isinstance(state, SignedOut)
        assert (state.nick, state.mode) == ("alice", "account")
        assert state.problem is not None
        assert state.problem.text == "You were signed out: this device was signed out"

    def test_nothing_typed_is_lost_and_what_may_have_arrived_is_not_sent_twice(self) -> None:
        command = wire.Send(id="doubt", room="lobby", text="on its way")
        chat = self.ended(events.Unsent(command, uncertain=True))
        lobby = chat.room("lobby")
        assert lobby.input.text == "half a sen"
        assert lobby.drafts["sure"].refusal is None
        assert lobby.drafts["doubt"].uncertain
        assert lobby.drafts["doubt"].refusal is not None

    def test_it_is_all_there_after_the_same_account_signs_in_again(self) -> None:
        chat = self.ended()
        chat.apply(account(), NOON)
        assert chat.room("lobby").input.text == "half a sen"

    def test_another_account_sees_nothing_of_it(self) -> None:
        chat = self.ended()
        chat.apply(account(name="b2"), NOON)
        assert not chat.conversations

    def test_a_session_that_the_server_closed_is_over_as_before(self) -> None:
        chat = online()
        chat.apply(events.Ended("the server says so"), NOON)
        assert not isinstance(chat.connection, SignedOut)


def test_people_with_an_account_stay_marked_when_they_change() -> None:
    chat = with_unread(4)
    changed = wire.Renamed(nick="bobby", was="bob", state="away", registered=True)
    presence = wire.Presence(room="lobby", version=2, after=1, changed=[changed])
    chat.apply(presence, NOON)
    person = chat.person("bobby")
    assert person is not None
    assert person.registered


def test_a_conversation_is_found_however_its_name_is_spelt() -> None:
    chat = signed_in()
    chat.apply(direct(1, "hi"), NOON)
    assert chat.find(ConversationKey("BOB", direct=True)) is chat.directs[0]
