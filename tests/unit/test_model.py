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
    Completer,
    Conversation,
    Draft,
    Entry,
    Line,
    Moved,
    NewDay,
    Offline,
    Online,
    Over,
    Place,
    Said,
    SignedOut,
    SigningIn,
    Told,
    Transcript,
    Typists,
    commands,
    is_mentioned,
    shown,
    shown_line,
    why_not_sendable,
)
from client.model.lines import day_of
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
    lines = lines_of(chat.room("lobby"))
    return [line.text for line in lines if not isinstance(line, NewDay)]


def lines_of(conversation: Conversation) -> list[Line]:
    return [entry.line for entry in conversation.transcript.entries]


class TestLines:
    def test_what_was_said_before_comes_with_the_join_and_the_rest_as_it_is_said(self) -> None:
        chat = online()
        chat.apply(message(3, "hello"), NOON)
        assert texts(chat) == ["m1", "m2", "hello"]
        assert lines_of(chat.room("lobby"))[-1] == Said(NOON, "bob", "hello", "id3", 3)

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
        assert lines_of(chat.room("lobby"))[-2] == Told(
            NOON, "Some messages may be missing here.", warning=True
        )

    def test_a_new_day_begins_with_its_date(self) -> None:
        chat = online()
        chat.apply(message(3, at=24 * 3600 * 1000), NOON)
        days = [line.day for line in lines_of(chat.room("lobby")) if isinstance(line, NewDay)]
        assert days[1] - days[0] == timedelta(days=1)

    def test_only_the_newest_lines_are_kept(self) -> None:
        conversation = online().room("lobby")
        oldest = conversation.transcript.entries[0]
        for seq in range(3, MOST_LINES + 10):
            conversation.hear(message(seq), "alice")
        assert len(conversation.transcript.entries) == MOST_LINES
        assert oldest.gone
        assert conversation.transcript.oldest_seq == 10

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
        assert chat.room("lobby").people.nicks == ("alice", "bob", "Carol")

    def test_they_follow_who_comes_and_goes(self) -> None:
        chat = online()
        chat.apply(presence(2, joined="dave carol"), NOON)
        chat.apply(presence(3, left="bob"), NOON)
        chat.apply(presence(4, changed="dave>eve"), NOON)
        assert chat.room("lobby").people.nicks == ("alice", "carol", "eve")
        assert texts(chat)[2:] == ["eve, carol joined; bob left"]

    def test_what_is_known_already_is_not_told(self) -> None:
        chat = online()
        chat.apply(presence(1, left="bob"), NOON)
        chat.apply(presence(2, joined="alice", left="carol"), NOON)
        assert chat.room("lobby").people.nicks == ("alice", "bob")
        assert texts(chat) == ["m1", "m2"]

    def test_that_i_joined_is_no_news_to_me(self) -> None:
        chat = Chat()
        chat.apply(events.Connected("ws://a/ws", "node-a", "alice", resumed=True), NOON)
        chat.apply(joined(members=("bob",)), NOON)
        chat.apply(presence(2, joined="alice"), NOON)
        assert chat.room("lobby").people.nicks == ("alice", "bob")
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
        assert chat.room("lobby").people.nicks == ("alice", "bob", "carol")
        chat.apply(wire.Notice(code="history_lost", message="!", room="lobby"), NOON)
        chat.apply(listing, NOON)
        assert chat.room("lobby").people.nicks == ("x",)

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
            Offline("it broke", NOON, 4000, "ws://b/ws"),
            Over("kicked"),
        ]

    @pytest.mark.parametrize(
        ("later", "seconds"), [(0, 4), (1, 4), (3999, 1), (4000, 0), (9999, 0)]
    )
    def test_it_counts_down_to_the_next_attempt(self, later: int, seconds: int) -> None:
        assert Offline("it broke", NOON, 4000, "").seconds_left(NOON + later) == seconds

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


class TestFolding:
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
    def test_it_tells_who_is_there_that_was_not_and_the_other_way_round(
        self, steps: list[tuple[str, bool]]
    ) -> None:
        present, moved = {"a"}, Moved(NOON)
        before = set(present)
        for nick, comes in steps:
            if comes and nick not in present:
                present.add(nick)
                moved = moved.then(Moved(NOON, joined=(nick,)))
            elif not comes and nick in present:
                present.remove(nick)
                moved = moved.then(Moved(NOON, left=(nick,)))
        assert set(moved.joined) == present - before
        assert set(moved.left) == before - present
        assert bool(moved.text) == (present != before)

    def test_somebody_renamed_who_leaves_is_told_by_the_old_name(self) -> None:
        moved = Moved(NOON, renamed=(("dave", "eve"),)).then(Moved(NOON, left=("eve",)))
        assert moved == Moved(NOON, left=("dave",))

    def test_somebody_who_comes_and_is_renamed_comes_under_the_new_name(self) -> None:
        moved = Moved(NOON, joined=("dave",)).then(Moved(NOON, renamed=(("dave", "eve"),)))
        assert moved == Moved(NOON, joined=("eve",))


class TestTranscript:
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("add"), st.integers(1, 3)),
                st.tuples(st.just("older"), st.integers(1, 3)),
                st.tuples(st.just("move"), st.integers(1, 3)),
                st.tuples(st.just("drop"), st.integers(1, 8)),
            )
        )
    )
    def test_what_is_drawn_by_the_marks_of_what_is_gone_is_what_there_is(
        self, steps: list[tuple[str, int]]
    ) -> None:
        transcript = Transcript()
        drawn: list[Entry] = []
        newest, oldest = NOON, NOON
        for step, number in steps:
            match step:
                case "add":
                    for _ in range(number):
                        newest += 3 * 3_600_000
                        transcript.add(Said(newest, "bob", "x", "i"))
                case "older":
                    oldest -= 5 * 3_600_000
                    transcript.prepend(Said(oldest, "bob", "x", "i") for _ in range(number))
                case "move":
                    transcript.add(Moved(newest, joined=(str(number),)))
                case "drop":
                    transcript.drop_oldest(number)
            entries = list(transcript.entries)
            while drawn and drawn[0].gone:
                del drawn[0]
            while drawn and drawn[-1].gone:
                del drawn[-1]
            if drawn:
                first, last = entries.index(drawn[0]), entries.index(drawn[-1])
                drawn = [*entries[:first], *drawn, *entries[last + 1 :]]
            else:
                drawn = entries
            assert drawn == entries
            days = [day_of(entry.line.at) for entry in entries]
            assert days == sorted(days), "in order"

    def test_messages_in_a_row_belong_together_for_a_while(self) -> None:
        transcript = Transcript()
        for at, sender in (
            (0, "bob"),
            (1000, "bob"),
            (2000, "eve"),
            (3000, "bob"),
            (400_000, "bob"),
        ):
            transcript.add(Said(NOON + at, sender, "x", "i"))
        assert [e.continued for e in transcript.entries] == [
            False,
            False,
            True,
            False,
            False,
            False,
        ]


class TestCounting:
    def test_what_is_said_elsewhere_is_unread_until_it_is_shown(self) -> None:
        chat = online()
        chat.apply(wire_direct(1, "hello"), NOON)
        (bob,) = chat.directs
        assert (bob.unread, bob.mentions, chat.unread) == (1, 1, 1)
        first = bob.unread_from
        chat.apply(wire_direct(2, "you there?"), NOON)
        chat.show(bob)
        assert (bob.unread, bob.unread_from) == (0, first)
        chat.show(chat.room("lobby"))
        assert bob.unread_from is None

    def test_what_is_said_while_the_window_is_elsewhere_is_unread(self) -> None:
        chat = online()
        chat.attend(attended=False)
        chat.apply(message(3, "alice: look"), NOON)
        assert (chat.unread, chat.mentions) == (1, 1)
        chat.attend(attended=True)
        assert (chat.unread, chat.mentions) == (0, 0)

    def test_the_conversation_with_somebody_follows_their_name(self) -> None:
        chat = online()
        chat.apply(wire_direct(1, "hello"), NOON)
        chat.apply(presence(2, changed="bob>rob"), NOON)
        assert [c.place.title for c in chat.directs] == ["rob"]
        assert chat.conversation(Place("ROB", direct=True)) is chat.directs[0]

    def test_use_brings_a_conversation_to_the_top_and_closing_turns_to_another(self) -> None:
        chat = online()
        chat.room("b")
        chat.room("c")
        chat.use(chat.room("lobby"))
        assert [c.room for c in chat.rooms] == ["lobby", "c", "b"]
        chat.close(chat.room("lobby"))
        assert chat.current is chat.room("c")


def wire_direct(seq: int, text: str) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=seq, at=NOON, epoch="e", sender="bob", to="alice", text=text, id=f"d{seq}"
    )


class TestOlder:
    def test_it_comes_before_and_is_not_said_twice(self) -> None:
        chat = Chat()
        chat.apply(joined(message(5), message(6)), NOON)
        lobby = chat.room("lobby")
        assert lobby.has_older
        page = wire.HistoryPage(room="lobby", messages=[message(4), message(5)], more=False)
        lobby.take_older(page, "alice")
        assert texts(chat) == ["m4", "m5", "m6"]
        assert not lobby.has_older


class TestTyping:
    def test_it_ends_after_some_seconds_or_with_the_message(self) -> None:
        chat = online()
        chat.apply(wire.Typing(nick="bob", room="lobby"), NOON)
        lobby = chat.room("lobby")
        assert lobby.typists.text(NOON + 1000) == "bob is typing \u2026"
        assert lobby.typists.text(NOON + 7000) == ""
        chat.apply(wire.Typing(nick="bob", room="lobby"), NOON)
        chat.apply(message(3, "done"), NOON)
        assert lobby.typists.text(NOON + 1) == ""

    def test_a_clock_that_is_set_back_ends_it(self) -> None:
        typists = Typists()
        typists.note("bob", NOON)
        assert typists.text(NOON - 3_600_000) == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("alice: hi", True), ("hi ALICE.", True), ("@alice", True), ("alice's", True),
        ("malice", False), ("alice-bob", False), ("", False), ("alice_", False),
    ],
)  # fmt: skip
def test_who_is_mentioned(text: str, named: bool) -> None:
    assert is_mentioned("alice", text) is named


class TestCompletion:
    def test_tab_goes_round_those_that_fit(self) -> None:
        completer = Completer()
        nicks = ["bob", "Bella", "carol"]
        text, cursor = completer.complete("b", 1, nicks)
        assert (text, cursor) == ("bob: ", 5)
        text, cursor = completer.complete(text, cursor, nicks)
        assert text == "Bella: "
        text, cursor = completer.complete(text, cursor, nicks, backwards=True)
        assert text == "bob: "

    def test_within_a_text_and_for_commands(self) -> None:
        assert Completer().complete("hi ca!", 5, ["carol"]) == ("hi carol !", 9)
        assert Completer().complete("/jo", 3, []) == ("/join ", 6)
        assert Completer().complete("xyz", 3, ["carol"]) == ("xyz", 3)

    @given(st.text(), st.lists(st.text(min_size=1)))
    def test_what_is_behind_the_cursor_stays(self, text: str, nicks: list[str]) -> None:
        cursor = len(text) // 2
        completed, place = Completer().complete(text, cursor, nicks)
        assert completed[place:] == text[cursor:]


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        ("hello", commands.Say("hello")),
        ("//shrug", commands.Say("/shrug")),
        ("/me waves", commands.Say("/me waves")),
        ("/join #ops", commands.JoinRoom("ops")),
        ("/LEAVE", commands.LeaveRoom(None)),
        ("/nick eve", commands.Rename("eve")),
        ("/msg bob  how are you", commands.TalkTo("bob", "how are you")),
        ("/away at lunch", commands.ShowStatus("away", "at lunch")),
        ("/back", commands.ShowStatus("online")),
        ("/search a b", commands.SearchFor("a b")),
        ("/help", commands.ShowHelp()),
        ("/quit", commands.Quit()),
        ("/join", commands.Wrong("Usage: /join ROOM")),
    ],
)
def test_commands(typed: str, wish: commands.Wish) -> None:
    assert commands.parse(typed) == wish


def test_an_unknown_command_says_so() -> None:
    wish = commands.parse("/fly away")
    assert isinstance(wish, commands.Wrong)
    assert wish.problem.startswith("There is no command /fly. There are /join, ")
