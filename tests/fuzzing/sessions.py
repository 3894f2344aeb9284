"""Whole sessions with a server whose frames are mutated, read as the desktop reads them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, Final

import trio
import wsproto
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from client.desktop.control.attention import Notifier
from client.desktop.control.session_controller import SessionController, now
from client.desktop.conversation.line_spans import entry_spans
from client.errors import CannotConnect
from client.model import MOST_ROWS, Chat, MessageLine
from client.model.chat import MOST_UNANSWERED
from client.model.people import MOST_PEOPLE
from client.session import (
    ClientSession,
    CommandError,
    Guest,
    Identity,
    Jwt,
    NotConnected,
    Password,
    Registration,
    Token,
    open_session,
)
from client.session.incoming import LATEST_AT, MOST_NAME_CHARS, MOST_SECRET_CHARS
from tests import PATIENCE
from tests.fuzzing.mutations import mutated_bytes, mutated_frame

Frame = dict[str, Any]

FRAMES_A_SESSION: Final = 100
_FRAMES_AN_ANSWER: Final = 50
_BROKEN: Final = 0.002
"""The part of frames whose bytes are changed on the way."""
_MESSAGE: Final[Frame] = {
    "seq": 5, "type": "message", "at": 1_800_000_000_000, "room": "lobby", "from": "bob",
    "text": "hello alice, see https://example.org/", "id": "m5",
}  # fmt: skip
_EVENTS: Final[tuple[Frame, ...]] = (
    _MESSAGE,
    {**_MESSAGE, "seq": 6, "erased": True, "text": ""},
    {"seq": 1, "type": "direct", "at": 1, "epoch": "e", "from": "bob", "to": "alice", "text": "hi",
     "id": "d1"},
    {"type": "erased", "room": "lobby", "epoch": "e", "up_to": 1, "seqs": [2, 3]},
    {"type": "typing", "nick": "bob", "room": "lobby"},
    {"type": "typing", "nick": "bob"},
    {"type": "presence", "room": "lobby", "version": 2, "after": 1, "joined": [{"nick": "carol"}],
     "left": ["bob"], "changed": [{"was": "dave", "nick": "eve", "state": "away", "text": "tea"}]},
    {"type": "notice", "code": "history_lost", "message": "m", "room": "lobby", "epoch": "f",
     "seq": 2},
    {"type": "notice", "code": "news", "message": "hear, hear"},
    {"type": "error", "code": "unheard_of", "message": "no", "retry_after": 2.5,
     "suggestion": "al", "temporary": True},
    {"type": "joined", "room": "cafe"},
    {"type": "left", "room": "lobby"},
    {"type": "read", "room": "lobby", "seq": 5},
    {"type": "read", "with": "bob", "seq": 1},
    {"type": "ok", "id": "x", "seq": 1},
    {"type": "hologram", "depth": 3},
)  # fmt: skip
_LIMITS: Final[Frame] = {
    "frame_bytes": 16384, "text_bytes": 4096, "rooms": 50, "history": 200, "flood_burst": 20,
    "flood_rate": 5.0, "grace_seconds": 30.0, "ping_interval": 30.0, "registration": "open",
    "password_length": 12,
}  # fmt: skip
_JOINED: Final[Frame] = {
    "type": "ok", "room": "lobby", "epoch": "e", "seq": 4, "last_id": "m4", "version": 1,
    "count": 3, "members": [{"nick": "alice"}, {"nick": "bob", "state": "busy", "text": "tea"}],
    "messages": [{**_MESSAGE, "seq": 4, "id": "m4"}], "next": "c", "recovered": False,
}  # fmt: skip
_WELCOME: Final[Frame] = {
    "type": "welcome", "session": "s" * 22, "nick": "alice", "node": "node", "limits": _LIMITS,
    "inbox": {"epoch": "e", "seq": 0}, "directs": [{**_EVENTS[2], "seq": 1}],
    "account": "a1", "role": "user", "device": "d1", "token": "a1.d1.t", "change_password": False,
    "rooms": [{"room": "cafe", "seq": 9, "read": 4, "unread": 5, "mentions": 1}],
}  # fmt: skip
_ANSWERS: Final[dict[str, Frame]] = {
    "hello": _WELCOME,
    "register": _WELCOME,
    "devices": {
        "type": "ok",
        "devices": [{"id": "d1", "name": "laptop", "last_seen": 1_767_225_600_000}],
    },
    "conversations": {
        "type": "ok",
        "conversations": [{"with": "bob", "person": "p", "seq": 7, "read": 5, "unread": 1}],
    },
    "join": _JOINED,
    "members": {"type": "ok", "room": "lobby", "version": 1, "members": [{"nick": "zoe"}]},
    "history": {
        "type": "ok", "room": "lobby", "messages": [_MESSAGE], "more": True, "before": 1,
        "directs": [_EVENTS[2]],
    },
    "rooms": {"type": "ok", "rooms": [{"room": "lobby", "members": 3}]},
}  # fmt: skip


_IDENTITIES: Final[tuple[Identity, ...]] = (
    Guest("alice"), Password("alice", "password"), Token("a1.d1.t"), Jwt("e.y.J"),
)  # fmt: skip


class HostileServer:
    """Serves connections, each until it has sent its frames."""

    def __init__(self, random: Random, frames: int) -> None:
        self.sent = 0
        self.done = trio.Event()
        self._random, self._frames = random, frames
        self._is_broken = False
        """Whether the client may wait for the rest of a frame that never comes."""

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection."""
        try:
            await self._serve(stream)
        except (OSError, trio.BrokenResourceError, wsproto.utilities.ProtocolError):
            pass  # the client has gone
        finally:
            await trio.aclose_forcefully(stream)
            self.done.set()

    async def _serve(self, stream: trio.SocketStream) -> None:
        protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        async for data in stream:
            protocol.receive_data(bytes(data))
            for event in protocol.events():
                if isinstance(event, Request):
                    accept = AcceptConnection(subprotocol="chat.v1")
                    await stream.send_all(protocol.send(accept))
                elif isinstance(event, Ping):
                    await stream.send_all(protocol.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return
                elif isinstance(event, TextMessage):
                    for frame in self._answers(json.loads(event.data)):
                        await stream.send_all(self._encoded(protocol, frame))
            if self.sent >= self._frames or self._is_broken:
                code = self._random.choice((1000, 1001, 3000, 4003, 4500, 4501, 4999))
                await stream.send_all(protocol.send(CloseConnection(code, "\u202e\x1b bye")))
                return

    def _encoded(self, protocol: wsproto.WSConnection, frame: str) -> bytes:
        self.sent += 1
        data = protocol.send(TextMessage(frame))
        if self._random.random() > _BROKEN:
            return data
        self._is_broken = True
        return mutated_bytes(data, self._random)

    def _answers(self, command: Frame) -> Iterator[str]:
        """Yield the answer to a command, and what comes unasked behind it."""
        random = self._random
        answer = {**_ANSWERS.get(command["type"], {"type": "ok", "seq": 9}), "id": command["id"]}
        if random.random() < 0.2:
            answer = {**_EVENTS[9], "id": command["id"]}
        is_hello = command["type"] == "hello"
        yield mutated_frame(answer, random) if random.random() < 0.4 else json.dumps(answer)
        if is_hello:
            yield json.dumps({**_EVENTS[9], "id": command["id"]})  # if that was no answer
        else:
            for _ in range(_FRAMES_AN_ANSWER):
                yield mutated_frame(random.choice(_EVENTS), random)


async def fuzz_sessions(frames: int, seed: int) -> Counter[str]:
    """Have sessions with a `HostileServer` until it has sent so many frames.

    Returns how many frames were sent and how the sessions ended. Whatever is raised, other than
    that a session cannot be opened, is raised here; so is that the chat is not within its bounds.
    """
    random = Random(seed)
    outcomes: Counter[str] = Counter()
    while outcomes["frames"] < frames:
        server = HostileServer(random, min(FRAMES_A_SESSION, frames))
        chat = Chat()
        outcomes[await _one_session(server, random.choice(_IDENTITIES), chat)] += 1
        outcomes["frames"] += server.sent
        _check(chat)
    return outcomes


async def _one_session(server: HostileServer, identity: Identity, chat: Chat) -> str:
    ending = "served to the end"
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ws"
        with trio.fail_after(PATIENCE):
            try:
                await _visit(url, identity, server, chat)
            except (CannotConnect, CommandError) as error:
                chat.fail_sign_in(error)
                ending = f"not let in: {type(error).__name__}"
        nursery.cancel_scope.cancel()
    return ending


async def _visit(url: str, identity: Identity, server: HostileServer, chat: Chat) -> None:
    """Take part as the desktop does, until the server has sent its frames."""
    chat.sign_in("alice")
    chat.open_rooms(["lobby"], None)
    chat.note_focus(focused=False)
    notifier = Notifier(lambda _title, _text: None, lambda: ())

    def look() -> None:
        notifier.look(chat, now())
        controller.account.follow_reader()

    async with (
        open_session([url], identity, on_token=_keep) as session,
        trio.open_nursery() as nursery,
    ):
        controller = SessionController(
            chat,
            session,
            nursery,
            on_change=look,
            on_room=lambda: None,
            on_account=trio.lowlevel.checkpoint,
            save_input=lambda: None,
        )
        nursery.start_soon(controller.run)
        nursery.start_soon(partial(controller.list_rooms, lambda _rooms: None))
        nursery.start_soon(controller.load_older, chat.room("lobby"))
        nursery.start_soon(_use_account, session)
        chat.room("lobby").write("draft", "hello?")
        controller.send(chat.room("lobby"))
        await server.done.wait()
        nursery.cancel_scope.cancel()


async def _use_account(session: ClientSession) -> None:
    account = session.account
    asks: tuple[Callable[[], Awaitable[object]], ...] = (
        account.devices,
        account.conversations,
        partial(account.history_with, "bob"),
        partial(account.mark_read, 5, room="lobby"),
        partial(account.mark_read, 1, with_="bob"),
        partial(account.change_password, "old", "new"),
        partial(account.revoke, "d2"),
        partial(session.set_idle, idle=True),
        partial(account.register, Registration("alice", "password")),
    )
    for ask in asks:
        with suppress(CommandError, NotConnected):
            await ask()


async def _keep(token: str | None) -> None:
    assert token is None or len(token) <= MOST_SECRET_CHARS
    await trio.lowlevel.checkpoint()


def _check(chat: Chat) -> None:
    """Draw everything, as far as that goes without a window, and look at the bounds."""
    chat.next_change(now())
    assert 1 <= chat.most_text_bytes <= 4096
    assert sum(c.is_unanswered for c in chat.directs) <= MOST_UNANSWERED + 1
    for conversation in chat.conversations.values():
        entries = conversation.transcript.entries
        assert sum(entry.rows for entry in entries) <= 2 * MOST_ROWS
        assert len(conversation.people.listed) <= MOST_PEOPLE
        assert len(conversation.name) <= MOST_NAME_CHARS
        assert len(conversation.typists.text(now())) < 10_000
        for entry in entries:
            assert sum(len(text) for text, _tags in entry_spans(entry)) < 10_000
            if isinstance(entry.line, MessageLine):
                assert 0 <= entry.line.at <= LATEST_AT
