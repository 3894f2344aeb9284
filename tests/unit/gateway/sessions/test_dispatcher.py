"""How commands are dispatched: by the table, for a session that is there or not; without Redis."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest

from gateway import wire
from gateway.config import Settings
from gateway.net.client_address import ClientAddress
from gateway.net.transport import SocketTransport
from gateway.node import Node
from gateway.policy.permissions import ACCOUNTS, Permission
from gateway.server.connection import Connection
from gateway.sessions.commands.table import COMMANDS, CommandRow
from gateway.sessions.dispatcher import FRAMES_PER_TOKEN, CommandDispatcher
from gateway.sessions.record import SessionRecord
from gateway.sessions.session import Session
from gateway.sessions.states import RoomState, SessionState

BURST = 5


class Talk:
    """A dispatcher of a node that has never reached its Redis, and its client's end."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        settings = Settings(redis="unix:///nowhere/redis.sock", flood_burst=BURST, flood_rate=0.001)
        self.context = Node(settings).context
        self.connection = Connection(
            self.context, SocketTransport(ours), ClientAddress("test"), lambda _: None
        )
        self.dispatcher = CommandDispatcher(
            self.context, self.connection.write_buffer, self.connection
        )
        self._theirs = theirs

    def establish(self, nick: str = "alice") -> Session:
        """Give the dispatcher a session, as a hello does."""
        record = SessionRecord("sid", SessionState.CONNECTED, self.connection)
        record.line = nick
        write_buffer = self.connection.write_buffer
        inbox = self.context.relay.inboxes.open("sid", write_buffer)
        session = Session(self.context, write_buffer, self.connection, record, inbox)
        self.dispatcher.session = session
        return session

    async def ask(self, frame: dict[str, Any] | str | bytes) -> dict[str, Any] | None:
        """Have a frame carried out; return the answer, None if there is none."""
        data = json.dumps(frame) if isinstance(frame, dict) else frame
        await self.dispatcher.handle(data)
        try:
            received = self._theirs.recv(65536)
        except BlockingIOError:
            return None
        answer: dict[str, Any] = json.loads(received[received.index(b"{") :])
        return answer


@contextmanager
def talking() -> Iterator[Talk]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield Talk(ours, theirs)


def test_every_command_has_a_row() -> None:
    assert set(COMMANDS) == set(get_args(wire.AnyCommand))


def test_all_but_hello_need_a_hello_and_everybody_may_do_all() -> None:
    assert [each for each, row in COMMANDS.items() if not row.needs_hello] == [
        wire.Hello, wire.Register,
    ]  # fmt: skip
    assert {row.permission for row in COMMANDS.values()} <= ACCOUNTS
    assert all(0 < row.cost <= Settings().flood_burst for row in COMMANDS.values())


EXAMPLES: list[dict[str, Any]] = [
    {"type": "ping"},
    {"type": "join", "room": "lobby"},
    {"type": "leave", "room": "lobby"},
    {"type": "send", "room": "lobby", "text": "hi"},
    {"type": "history", "room": "lobby"},
    {"type": "members", "room": "lobby"},
    {"type": "rooms"},
    {"type": "direct", "to": "bob", "text": "hi"},
    {"type": "typing", "room": "lobby"},
    {"type": "nick", "nick": "bob"},
    {"type": "status", "state": "busy"},
]


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: str(command["type"]))
async def test_nothing_is_done_before_a_hello(command: dict[str, Any]) -> None:
    with talking() as talk:
        answer = await talk.ask(command | {"id": "1"})
        assert answer is not None
        assert (answer["code"], answer["id"]) == ("unauthorized", "1")
        assert talk.dispatcher.session is None


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: str(command["type"]))
async def test_nothing_is_done_for_a_session_that_may_not(command: dict[str, Any]) -> None:
    with talking() as talk:
        talk.establish().permissions = frozenset()
        answer = await talk.ask(command | {"id": "1"})
        assert answer is not None
        assert (answer["code"], answer["id"]) == ("forbidden", "1")


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: str(command["type"]))
async def test_nothing_is_done_over_a_connection_that_has_lost_the_session(
    command: dict[str, Any],
) -> None:
    with talking() as talk:
        talk.establish().record.connection = None
        assert await talk.ask(command | {"id": "1"}) is None


async def test_hello_is_said_once() -> None:
    with talking() as talk:
        session = talk.establish()
        answer = await talk.ask({"type": "hello", "nick": "bob", "id": "1"})
        assert answer is not None
        assert (answer["code"], answer["message"]) == (
            "bad_frame",
            "You have said hello already.",
        )
        assert talk.dispatcher.session is session


@pytest.mark.parametrize("who", [{"nick": "alice"}, {"resume": "s" * 22}])
async def test_a_hello_without_redis_keeps_nothing(who: dict[str, str]) -> None:
    with talking() as talk:
        answer = await talk.ask({"type": "hello", "id": "1"} | who)
        assert answer is not None
        assert (answer["code"], answer["retry_after"]) == ("unavailable", 1.0)
        assert talk.dispatcher.session is None
        assert not talk.context.registry.sessions
        talk.dispatcher.end()


async def test_a_command_takes_from_the_bucket_what_it_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(COMMANDS, wire.Ping, CommandRow(COMMANDS[wire.Ping].handler, cost=2.0))
    with talking() as talk:
        talk.establish()
        for number in range(2):
            assert await talk.ask({"type": "ping", "id": str(number)}) == {
                "type": "ok", "id": str(number),
            }  # fmt: skip
        refused = await talk.ask({"type": "ping", "id": "3"})
        assert refused is not None
        assert (refused["code"], refused["id"]) == ("too_fast", "3")
        assert refused["retry_after"] == pytest.approx(1000, abs=2)
        # What is no command costs one, of which there is one left.
        codes = []
        for frame in ("{", b"{}"):
            answer = await talk.ask(frame)
            assert answer is not None
            codes.append(answer["code"])
        assert codes == ["bad_frame", "too_fast"]


@pytest.mark.parametrize(
    ("command", "rooms", "cost"),
    [
        (wire.Ping(), 50, 1),
        (wire.SetStatus(state="busy"), 0, 1),
        (wire.SetStatus(state="busy"), 50, 50),
        (wire.Nick(nick="bob"), 50, 50),
        (wire.History(room="lobby", limit=0), 50, 1),
        (wire.History(room="lobby"), 50, 1),
        (wire.History(room="lobby", limit=200), 50, 4),
        (wire.Members(room="lobby", limit=10), 50, 1),
        (wire.Members(room="lobby"), 50, 2),
    ],
)
async def test_what_commands_cost(command: wire.AnyCommand, rooms: int, cost: float) -> None:
    with talking() as talk:
        session = talk.establish()
        session.record.rooms |= {str(number): RoomState.FOLLOWED for number in range(rooms)}
        assert COMMANDS[type(command)].cost_for(session, command) == cost


async def test_every_frame_counts_and_too_many_are_read_slowly() -> None:
    with talking() as talk:
        burst = FRAMES_PER_TOKEN * BURST
        assert talk.dispatcher.pace(burst) == 0.0
        assert talk.dispatcher.pace(1) == pytest.approx(1 / (FRAMES_PER_TOKEN * 0.001), rel=0.01)


async def test_a_command_that_was_answered_is_not_carried_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[wire.Nick] = []

    async def rename(session: Session, command: wire.Nick) -> None:
        done.append(command)
        session.answer_once(command, wire.Named(id=command.id, nick=command.nick))

    monkeypatch.setitem(COMMANDS, wire.Nick, CommandRow(rename, permission=Permission.CHAT))
    with talking() as talk:
        talk.establish()
        answers = [await talk.ask({"type": "nick", "nick": "bob", "id": "1"}) for _ in range(2)]
        assert answers == [{"type": "ok", "id": "1", "nick": "bob"}] * 2
        assert len(done) == 1
        await talk.ask({"type": "nick", "nick": "rob", "id": "1"})
        assert len(done) == 2, "another command under the same id is another one"
