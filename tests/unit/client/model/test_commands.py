"""What is typed: commands, and what Tab makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.model import Completer, commands


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
        ("/join #Team  Room", commands.JoinRoom("Team-Room")),
        ("/LEAVE", commands.LeaveRoom(None)),
        ("/nick eve", commands.Rename("eve")),
        ("/msg bob  how are you", commands.TalkTo("bob", "how are you")),
        ("/away at lunch", commands.ShowStatus("away", "at lunch")),
        ("/back", commands.ShowStatus("online")),
        ("/search a b", commands.SearchFor("a b")),
        ("/help", commands.ShowHelp()),
        ("/quit", commands.Quit()),
        ("/join", commands.InvalidCommand("Usage: /join ROOM")),
        ("/join #", commands.InvalidCommand("Usage: /join ROOM")),
    ],
)
def test_commands(typed: str, wish: commands.UserCommand) -> None:
    assert commands.parse(typed) == wish


def test_an_unknown_command_says_so() -> None:
    wish = commands.parse("/fly away")
    assert isinstance(wish, commands.InvalidCommand)
    assert wish.problem.startswith("There is no command /fly. There are /join, ")
