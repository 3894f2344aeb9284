"""The desktop client: a session, what it shows, and the window that shows it."""

from __future__ import annotations

import math
import secrets
import signal
import time
import tkinter as tk
from collections.abc import Sequence
from typing import Final

import trio

from client.desktop import host
from client.desktop.appearance import Appearance
from client.desktop.preferences import Look, Remembered, Server, remembered, with_given
from client.desktop.shortcuts import bind_shortcuts
from client.desktop.surroundings import system_dpi, system_mode
from client.desktop.theme import Mode, Theme, open_root
from client.desktop.window import Window
from client.model import Chat, Offline, why_not_sendable
from client.session import (
    CannotConnect,
    CommandError,
    Connected,
    ConnectionLost,
    Event,
    Rejoined,
    Session,
    open_session,
)
from gateway import wire

FRAME_SECONDS: Final = 0.045
"""The least time between two drawings, so that what comes in a burst is drawn at once."""
_PASSING: Final = frozenset({"unavailable", "too_fast"})


def run_desktop(
    urls: Sequence[str], *, room: str, nick: str | None = None, look: Look | None = None
) -> None:
    """Open the window, and return when the person has closed it.

    What is not given is as the person left it.

    :raises tkinter.TclError: if there is no display.
    """
    kept = remembered()
    if urls:
        servers, name = with_given(kept.preferences.servers, urls)
        kept.change(servers=servers, server=name)
    if look:
        kept.change(look=look)
    mode, dpi = trio.run(_look_around, kept.preferences.look)
    root, theme = open_root("Chat", mode, size=kept.preferences.font_size, dpi=dpi)
    host.run(root, App(root, theme, kept, room=room, nick=nick).run)


async def _look_around(look: Look) -> tuple[Mode, float | None]:
    """Give what has to be known before there is a window."""
    return await system_mode() if look == "system" else look, await system_dpi()


class App:
    """Runs the session, and carries out what the person does in the window."""

    def __init__(
        self, root: tk.Tk, theme: Theme, kept: Remembered, *, room: str, nick: str | None = None
    ) -> None:
        self.chat = Chat()
        self.appearance = Appearance(root, theme, kept)
        self.window = Window(root, theme, self, kept, room)
        bind_shortcuts(root, {**self.appearance.actions, "quit": self.close})
        self._kept = kept
        self._conversation = self.chat.conversation(room)
        self._room = room
        self._session: Session | None = None
        self._nicks_in, self._nicks = trio.open_memory_channel[tuple[str, Server]](1)
        if nick is not None:
            self.sign_in(nick)
        self._program = trio.CancelScope()
        self._visit = trio.CancelScope()
        self._changed = trio.Event()
        self._sender = trio.lowlevel.ParkingLot()

    async def run(self) -> None:
        """Be the client until the window is closed or a signal comes."""
        with self._program:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_drawn)
                nursery.start_soon(self._close_on_signal)
                nursery.start_soon(self._kept.keep_written)
                nursery.start_soon(self.appearance.run)
                while True:
                    await self._stay(*await self._nicks.receive())

    async def _close_on_signal(self) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self.close()

    async def _keep_drawn(self) -> None:
        while True:
            self._changed = trio.Event()
            self.window.draw(self.chat, _now())
            await trio.sleep(FRAME_SECONDS)
            with trio.move_on_after(self._until_next_second()):
                await self._changed.wait()

    def _until_next_second(self) -> float:
        state = self.chat.connection
        if isinstance(state, Offline) and state.retry_at > (now := _now()):
            return ((state.retry_at - now - 1) % 1000 + 1) / 1000
        return math.inf

    def _redraw(self) -> None:
        self._changed.set()
        self._sender.unpark_all()

    # --- one visit ----------------------------------------------------------------------------

    async def _stay(self, nick: str, server: Server) -> None:
        """Come in, and stay until the session ends."""
        self.chat.sign_in(nick)
        self._redraw()
        with trio.CancelScope() as self._visit:
            try:
                async with open_session(server.urls, nick=nick) as self._session:
                    await self._converse(self._session)
            except (CannotConnect, CommandError) as error:
                self.chat.stay_out(error)
        if self._visit.cancelled_caught:
            self.chat.stay_out()
        self._session = None
        self._redraw()

    async def _converse(self, session: Session) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_drafts, session)
            async for event in session.events:
                self._take(event)
                if isinstance(event, Connected) and self._room not in session.rooms:
                    # Awaited here, not in a task: nothing that follows the answer overtakes it.
                    await self._join(session)
                elif isinstance(event, Rejoined):
                    await self._complete_members(session, event.joined)
            nursery.cancel_scope.cancel()

    def _take(self, event: Event | wire.Joined) -> None:
        self.chat.apply(event, _now())
        self._redraw()

    async def _join(self, session: Session) -> None:
        while True:
            try:
                joined = await session.join(self._room)
            except ConnectionLost:
                return  # the next connection brings another `Connected`
            except CommandError as error:
                if error.code not in _PASSING:
                    raise
                await trio.sleep(error.retry_after or 1.0)
            else:
                self._take(joined)
                await self._complete_members(session, joined)
                return

    async def _complete_members(self, session: Session, joined: wire.Joined) -> None:
        """Ask for all members if the answer to a join did not list them."""
        if joined.count <= len(joined.members):
            return
        try:
            self._take(await session.members(joined.room))
        except ConnectionLost:
            pass  # coming back reads them anyway
        except CommandError as error:
            self._take(wire.Error(code=error.code, message=error.message))

    async def _send_drafts(self, session: Session) -> None:
        """Send what the person says, one after the other, and what waits when we are back."""
        conversation = self._conversation
        while True:
            draft = conversation.next_draft
            if draft is None:
                await self._sender.park()
                continue
            try:
                seq = await session.send(self._room, draft.text, message_id=draft.id)
                conversation.acknowledge(draft.id, seq)
            except ConnectionLost:
                conversation.lose()
            except CommandError as error:
                if error.code in _PASSING:
                    await trio.sleep(error.retry_after or 1.0)
                else:
                    conversation.refuse(draft.id, error.message)
            self._redraw()

    # --- what the person does -----------------------------------------------------------------

    def sign_in(self, nick: str, server: Server | None = None) -> None:
        """Come in, under this nickname; to the server of the last time, if none is given."""
        server = server or self._kept.preferences.last_server
        try:
            self._nicks_in.send_nowait((nick, server))
        except trio.WouldBlock:
            return  # clicked twice
        self._kept.change(nick=nick, server=server.name)

    def keep_servers(self, servers: Sequence[Server], chosen: str) -> None:
        """Remember these servers, and which one was chosen."""
        self._kept.change(servers=tuple(servers), server=chosen)

    def stop_signing_in(self) -> None:
        """Give up the attempt to come in."""
        self._visit.cancel()

    def say(self, text: str) -> str | None:
        """Say something; gives why that cannot be, if it cannot."""
        limits = self._session.limits if self._session else None
        problem = why_not_sendable(text, limits.text_bytes if limits else wire.MAX_TEXT_BYTES)
        if problem is None:
            self._conversation.write(secrets.token_hex(8), text)
            self._redraw()
        return problem

    def retry_draft(self, draft_id: str) -> None:
        """Send a refused message again."""
        self._conversation.retry(draft_id)
        self._redraw()

    def discard_draft(self, draft_id: str) -> None:
        """Forget a refused message."""
        self._conversation.discard(draft_id)
        self._redraw()

    def retry_now(self) -> None:
        """Do not wait for the next attempt to connect."""
        if self._session is not None:
            self._session.retry_now()

    def close(self) -> None:
        """Leave, and end the program."""
        self._program.cancel()


def _now() -> int:
    return round(time.time() * 1000)
