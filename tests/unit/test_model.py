"""What a person sees: `client.model` without a window or a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import events
from client.model import (
    MOST_LINES,
    Chat,
    Conversation,
    Draft,
    NewDay,
    Offline,
    Online,
    Over,
    Said,
    SignedOut,
    SigningIn,
    Told,
    shown,
    shown_line,
    why_not_sendable,
)
from client.session import CannotConnect, CommandError
from gateway import wire

NOON = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)


def message(seq: int, text: str = "", *, sender: str = "bob", at: int = 0) -> wire.Message:
    return wire.Message(
        seq=seq, at=NOON + at, room="lobby", sender=sender, text=text or f"m{seq}", id=f"id{seq}"
    )


def joined(
    *messages: wire.Message,
    seq: int | None = None,
    recovered: bool | None = None,
    members: tuple[str, ...] = ("alice", "bob"),
) -> wire.Joined:
    return wire.Joined(
        room="lobby",
        epoch="e",
        seq=seq if seq is not None else (messages[-1].seq if messages else 0),
        version=1,
        count=len(members),
        members=[wire.Member(nick=nick) for nick in members],
        messages=list(messages),
        recovered=recovered,
    )


def presence(version: int, *, joined: str = "", left: str = "", changed: str = "") -> wire.Presence:
    renames = [change.split(">") for change in changed.split()]
    return wire.Presence(
        room="lobby",
        version=version,
        after=version - 1,
        joined=[wire.Member(nick=nick) for nick in joined.split()],
        left=left.split(),
        changed=[wire.Renamed(was=was, nick=nick) for was, nick in renames],
    )


def online() -> Chat:
    """Alice, in the lobby with bob."""
    chat = Chat()
    chat.sign_in("alice")
    chat.apply(events.Connected("ws://a/ws", "node-a", "alice", resumed=True), NOON)
    chat.apply(joined(message(1), message(2)), NOON)
    return chat


def texts(chat: Chat) -> list[str]:
    lines = chat.conversation("lobby").lines
    return [line.text for line in lines if not isinstance(line, NewDay)]


class TestLines:
    def test_what_was_said_before_comes_with_the_join_and_the_rest_as_it_is_said(self) -> None:
        chat = online()
        chat.apply(message(3, "hello"), NOON)
        assert texts(chat) == ["m1", "m2", "hello"]
        assert chat.conversation("lobby").lines[-1] == Said(NOON, "bob", "hello", "id3")

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
        assert chat.conversation("lobby").lines[-2] == Told(
            NOON, "Some messages may be missing here.", warning=True
        )

    def test_a_new_day_begins_with_its_date(self) -> None:
        chat = online()
        chat.apply(message(3, at=24 * 3600 * 1000), NOON)
        days = [line.day for line in chat.conversation("lobby").lines if isinstance(line, NewDay)]
        assert days[1] - days[0] == timedelta(days=1)

    def test_only_the_newest_lines_are_kept_and_all_are_counted(self) -> None:
        conversation = online().conversation("lobby")
        told = conversation.told
        for seq in range(3, MOST_LINES + 10):
            conversation.hear(message(seq))
        assert len(conversation.lines) == MOST_LINES
        assert conversation.told == told + MOST_LINES + 7

    def test_notices_are_told_in_their_room_or_in_all(self) -> None:
        chat = online()
        chat.apply(wire.Notice(code="draining", message="This node is going away."), NOON)
        chat.apply(wire.Notice(code="history_gap", message="A gap.", room="lobby"), NOON)
        chat.apply(wire.Error(code="unavailable", message="Not now."), NOON)
        assert texts(chat)[2:] == ["This node is going away.", "A gap.", "Not now."]


class TestMembers:
    def test_they_are_sorted_whatever_their_case(self) -> None:
        chat = Chat()
        chat.apply(joined(members=("bob", "Carol", "alice")), NOON)
        assert chat.conversation("lobby").members == ("alice", "bob", "Carol")

    def test_they_follow_who_comes_and_goes(self) -> None:
        chat = online()
        chat.apply(presence(2, joined="dave carol"), NOON)
        chat.apply(presence(3, left="bob"), NOON)
        chat.apply(presence(4, changed="dave>eve"), NOON)
        assert chat.conversation("lobby").members == ("alice", "carol", "eve")
        assert texts(chat)[2:] == ["dave and carol joined", "bob left", "dave is now eve"]

    def test_what_is_known_already_is_not_told(self) -> None:
        chat = online()
        chat.apply(presence(1, left="bob"), NOON)
        chat.apply(presence(2, joined="alice", left="carol"), NOON)
        assert chat.conversation("lobby").members == ("alice", "bob")
        assert texts(chat) == ["m1", "m2"]

    def test_that_i_joined_is_no_news_to_me(self) -> None:
        chat = Chat()
        chat.apply(events.Connected("ws://a/ws", "node-a", "alice", resumed=True), NOON)
        chat.apply(joined(members=("bob",)), NOON)
        chat.apply(presence(2, joined="alice"), NOON)
        assert chat.conversation("lobby").members == ("alice", "bob")
        assert texts(chat) == []

    def test_a_crowd_is_counted(self) -> None:
        chat = online()
        chat.apply(presence(2, joined=" ".join(f"n{i}" for i in range(100))), NOON)
        assert texts(chat)[-1] == "n0, n1, n2, n3 and 96 others joined"

    def test_a_list_replaces_them_unless_it_is_older_than_what_is_known(self) -> None:
        chat = online()
        chat.apply(presence(5, joined="carol"), NOON)
        listing = wire.MemberList(room="lobby", version=4, members=[wire.Member(nick="x")])
        chat.apply(listing, NOON)
        assert chat.conversation("lobby").members == ("alice", "bob", "carol")
        chat.apply(wire.Notice(code="history_lost", message="!", room="lobby"), NOON)
        chat.apply(listing, NOON)
        assert chat.conversation("lobby").members == ("x",)

    def test_my_own_renaming_is_noted(self) -> None:
        chat = online()
        chat.apply(presence(2, changed="alice>alice2"), NOON)
        assert chat.nick == "alice2"


class TestConnection:
    def test_it_goes_from_signing_in_over_online_and_offline_to_its_end(self) -> None:
        chat = Chat()
        states = [chat.connection]
        chat.sign_in("alice")
        states.append(chat.connection)
        for event in (
            events.Connected("ws://a/ws", "node-a", "alice", resumed=True),
            events.Disconnected("it broke", 4.0, "ws://b/ws"),
            events.Ended("kicked"),
        ):
            chat.apply(event, NOON)
            states.append(chat.connection)
        assert states == [
            SignedOut(),
            SigningIn("alice"),
            Online("node-a", "ws://a/ws"),
            Offline("it broke", NOON + 4000, "ws://b/ws"),
            Over("kicked"),
        ]

    @pytest.mark.parametrize(
        ("later", "seconds"), [(0, 4), (1, 4), (3999, 1), (4000, 0), (9999, 0)]
    )
    def test_it_counts_down_to_the_next_attempt(self, later: int, seconds: int) -> None:
        assert Offline("it broke", NOON + 4000, "").seconds_left(NOON + later) == seconds

    def test_a_taken_nickname_comes_with_a_suggestion(self) -> None:
        chat = Chat()
        chat.sign_in("alice")
        chat.stay_out(CommandError("nick_taken", "It is taken.", suggestion="alice_"))
        assert chat.connection == SignedOut("alice", "It is taken.", "alice_")

    def test_why_no_server_can_be_reached_is_told(self) -> None:
        chat = Chat()
        chat.sign_in("alice")
        chat.stay_out(CannotConnect("ws://a/ws: refused"))
        problem = "The server cannot be reached. ws://a/ws: refused"
        assert chat.connection == SignedOut("alice", problem)

    def test_the_loss_is_told_once_however_many_attempts_fail(self) -> None:
        chat = online()
        for _ in range(3):
            chat.apply(events.Disconnected("it broke", 4.0, "ws://b/ws"), NOON)
        assert texts(chat)[2:] == ["Not connected: it broke"]


def waiting(conversation: Conversation) -> str | None:
    """The id of the draft that is sent next."""
    return conversation.next_draft.id if conversation.next_draft else None


class TestDrafts:
    @staticmethod
    def written(chat: Chat) -> Conversation:
        conversation = chat.conversation("lobby")
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
        conversation.lose()
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


class TestShownText:
    @pytest.mark.parametrize(
        ("text", "seen"),
        [
            ("[exit] $x {", "[exit] $x {"),
            (
                "bell \a esc \x1b[31m nul \0 del \x7f",
                "bell \u2407 esc \u241b[31m nul \u2400 del \u2421",
            ),
            ("a\tb", "a b"),
            ("right \u202eto left", "right \ufffdto left"),
            ("hidden\u200b\u2060\ufeff", "hidden\ufffd\ufffd\ufffd"),
            ("\u2028\u2029\x85", "\ufffd\ufffd\ufffd"),
            ("\U0001f468\u200d\U0001f469\ufe0f", "\U0001f468\u200d\U0001f469\ufe0f"),
            ("\u3000\u00a0", "\u3000\u00a0"),
            ("one\r\ntwo\n\n\n\nthree\n\n", "one\ntwo\n\nthree"),
            ("\n\nfirst", "first"),
        ],
    )
    def test_nothing_hides_in_it(self, text: str, seen: str) -> None:
        assert shown(text) == seen

    def test_a_line_stays_one(self) -> None:
        assert shown_line("a\nb\r") == "a\u240ab\u240d"

    @given(st.text())
    def test_it_is_the_same_when_shown_again(self, text: str) -> None:
        assert shown(shown(text)) == shown(text)
        assert "\n" not in shown_line(text)
