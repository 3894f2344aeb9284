"""What one has written and what is sent of it, and what came before."""

from __future__ import annotations

from client import events
from client.model import Chat, Conversation, Draft, why_not_sendable
from gateway import wire
from tests.unit.client.model.chatting import NOON, joined, message, online, texts


def waiting(conversation: Conversation) -> str | None:
    """The id of the draft that is sent next."""
    return conversation.next_draft.id if conversation.next_draft else None


class TestDrafts:
    @staticmethod
    def written(chat: Chat) -> Conversation:
        conversation = chat.room("lobby")
        conversation.write("id3", "hi")
        return conversation

    def test_one_is_sent_and_goes_when_its_message_is_seen(self) -> None:
        chat = online()
        conversation = self.written(chat)
        assert conversation.next_draft == Draft("id3", "hi")
        conversation.acknowledge("id3", 3)
        assert waiting(conversation) is None
        assert list(conversation.drafts) == ["id3"]
        chat.apply(message(3, "hi", sender="alice"), NOON)
        assert not conversation.drafts

    def test_the_message_may_come_before_the_acknowledgement(self) -> None:
        chat = online()
        conversation = self.written(chat)
        chat.apply(message(3, "hi", sender="alice"), NOON)
        conversation.acknowledge("id3", 3)
        assert not conversation.drafts

    def test_it_waits_while_there_is_no_connection(self) -> None:
        chat = online()
        chat.apply(events.Disconnected("it broke", 4.0, "ws://b/ws"), NOON)
        conversation = self.written(chat)
        assert waiting(conversation) is None
        chat.apply(events.Connected("ws://b/ws", "node-b", "alice", resumed=True), NOON)
        assert waiting(conversation) is None, "the room is not joined yet"
        chat.apply(events.Rejoined(joined(recovered=True, seq=2)), NOON)
        assert waiting(conversation) == "id3"

    def test_it_is_not_sent_again_if_it_is_among_what_was_missed(self) -> None:
        chat = online()
        conversation = self.written(chat)
        conversation.disconnect()
        chat.apply(events.Rejoined(joined(message(3, "hi"), recovered=True)), NOON)
        assert waiting(conversation) is None
        assert texts(chat)[-1] == "hi"

    def test_an_acknowledged_one_does_not_outlive_a_rejoining(self) -> None:
        chat = online()
        conversation = self.written(chat)
        conversation.acknowledge("id3", 3)
        chat.apply(events.Rejoined(joined(seq=0, recovered=False)), NOON)
        assert not conversation.drafts

    def test_a_refused_one_says_why_and_is_sent_again_or_dropped(self) -> None:
        conversation = self.written(online())
        conversation.refuse("id3", "Not here.")
        assert conversation.drafts["id3"].refusal == "Not here."
        assert waiting(conversation) is None
        conversation.retry("id3")
        assert waiting(conversation) == "id3"
        conversation.refuse("id3", "Not here.")
        conversation.discard("id3")
        assert not conversation.drafts

    def test_they_go_in_the_order_in_which_they_were_written(self) -> None:
        conversation = self.written(online())
        conversation.write("id4", "second")
        conversation.refuse("id3", "Not here.")
        assert waiting(conversation) == "id4"
        conversation.retry("id3")
        assert waiting(conversation) == "id3"

    def test_what_is_too_long_need_not_be_tried(self) -> None:
        assert why_not_sendable("a" * 4096, 4096) is None
        problem = "This is too long to send: 4,098 of 4,096 bytes."
        assert why_not_sendable("\u00e4" * 2049, 4096) == problem


class TestOlder:
    def test_it_comes_before_and_is_not_said_twice(self) -> None:
        chat = Chat()
        chat.apply(joined(message(5), message(6)), NOON)
        lobby = chat.room("lobby")
        assert lobby.has_older
        page = wire.HistoryPage(room="lobby", messages=[message(4), message(5)], more=False)
        lobby.add_older(page, "alice")
        assert texts(chat) == ["m4", "m5", "m6"]
        assert not lobby.has_older
