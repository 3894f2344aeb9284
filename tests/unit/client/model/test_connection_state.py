"""What a person sees of the connection."""

from __future__ import annotations

import pytest

from client import events
from client.model import Chat, Offline, Online, Problem, SessionOver, SignedOut, SigningIn
from client.session import CannotConnect, CommandError
from tests.unit.client.model.chatting import NOON, online, texts


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
            Offline("it broke", NOON, 4000),
            SessionOver("kicked"),
        ]

    @pytest.mark.parametrize(
        ("later", "seconds"), [(0, 4), (1, 4), (3999, 1), (4000, 0), (9999, 0)]
    )
    def test_it_counts_down_to_the_next_attempt(self, later: int, seconds: int) -> None:
        assert Offline("it broke", NOON, 4000).seconds_left(NOON + later) == seconds

    def test_a_taken_nickname_comes_with_a_suggestion(self) -> None:
        chat = Chat()
        chat.sign_in("alice")
        chat.fail_sign_in(CommandError("nick_taken", "It is taken.", suggestion="alice_"))
        assert chat.connection == SignedOut("alice", Problem("It is taken.", "nick", "alice_"))

    def test_why_no_server_can_be_reached_is_told(self) -> None:
        chat = Chat()
        chat.sign_in("alice")
        chat.fail_sign_in(CannotConnect("ws://a/ws: refused"))
        problem = "The server cannot be reached. ws://a/ws: refused"
        assert chat.connection == SignedOut("alice", Problem(problem))

    def test_the_loss_is_told_once_however_many_attempts_fail(self) -> None:
        chat = online()
        for _ in range(3):
            chat.apply(events.Disconnected("it broke", 4.0, "ws://b/ws"), NOON)
        assert texts(chat)[2:] == ["Not connected: it broke"]
