"""Who is in a room, and who is typing."""

from __future__ import annotations

from client import events
from client.model import Chat, People, Typists
from client.model.people import MOST_PEOPLE, MOST_TYPISTS, TYPING_MILLISECONDS
from gateway import wire
from tests.unit.client.model.chatting import NOON, direct, joined, message, online, presence, texts


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

    def test_it_goes_on_under_another_name(self) -> None:
        chat = online()
        chat.apply(direct(1, "hello"), NOON)
        chat.apply(wire.Typing(nick="bob", room="lobby"), NOON)
        chat.apply(wire.Typing(nick="bob"), NOON)
        chat.apply(presence(2, changed="bob>rob"), NOON)
        for conversation in (chat.room("lobby"), *chat.directs):
            assert conversation.typists.text(NOON + 1) == "rob is typing \u2026"

    def test_a_clock_that_is_set_back_ends_it(self) -> None:
        typists = Typists()
        typists.note("bob", NOON)
        assert typists.text(NOON - 3_600_000) == ""


def test_no_more_people_are_known_than_can_be_listed() -> None:
    people = People()
    people.replace(wire.Member(nick=f"n{number}") for number in range(MOST_PEOPLE + 10))
    assert len(people.listed) == MOST_PEOPLE
    busy = wire.Member(nick="n0", state="busy")
    crowd = [wire.Member(nick="new"), busy]
    line = people.apply(wire.Presence(room="r", version=2, after=1, joined=crowd), NOON)
    assert len(people.listed) == MOST_PEOPLE
    assert people.get("n0") == busy
    assert line.joined == ()


def test_only_so_many_count_as_typing_until_they_have_stopped() -> None:
    typists = Typists()
    for number in range(10_000):
        typists.note(f"n{number}", NOON)
    assert typists.text(NOON) == f"n0, n1, n2, n3 and {MOST_TYPISTS - 4} others are typing …"
    typists.note("late", NOON + TYPING_MILLISECONDS)
    assert typists.text(NOON + TYPING_MILLISECONDS) == "late is typing …"
