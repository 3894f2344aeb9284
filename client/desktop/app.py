"""The desktop client: connects a session, the chat and the window."""

from __future__ import annotations

import math
import secrets
import signal
import tkinter as tk
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVarTuple

import msgspec
import trio

from client.desktop.control.appearance import Appearance
from client.desktop.control.attention import Notifier, notify
from client.desktop.control.browser import open_link
from client.desktop.control.overflow_file import save_overflow
from client.desktop.control.own_status import OwnStatus
from client.desktop.control.session_controller import SessionController, now
from client.desktop.control.shortcuts import bind_shortcuts
from client.desktop.settings.preferences import Look, PreferencesFile
from client.desktop.settings.servers import SavedServer
from client.desktop.theme.theme import Theme
from client.desktop.window import Window
from client.i18n.texts import _
from client.model import (
    Chat,
    Conversation,
    ConversationKey,
    Offline,
    Overflow,
    SessionOver,
    commands,
    why_not_sendable,
)
from client.session import CannotConnect, ClientSession, CommandError, open_session
from client.session.clock import until_jump
from gateway import wire

FRAME_SECONDS: Final = 0.045
"""The least time between two drawings, so that what comes in a burst is drawn at once."""

Ts = TypeVarTuple("Ts")


def _closing_signals() -> list[signal.Signals]:
    """Return the signals that close the window; SIGHUP not where it is ignored, as by nohup."""
    closing = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        closing.append(signal.SIGHUP)
    return closing


class App:
    """Runs sessions one after the other, and carries out what the person does in the window."""

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        settings: PreferencesFile,
        *,
        room: str | None = None,
        nick: str | None = None,
    ) -> None:
        self.chat = Chat()
        self._settings, self._room = settings, room
        self._controller: SessionController | None = None
        self._session: ClientSession | None = None
        self._nicks_in, self._nicks = trio.open_memory_channel[tuple[str, SavedServer]](1)
        self._program = trio.CancelScope()
        self._session_scope = trio.CancelScope()
        self._changed = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._status = OwnStatus(self.chat, self._tell_status)
        self._notifier = Notifier(self._call, lambda: settings.preferences.muted)
        self.appearance = Appearance(root, theme, settings)
        self.window = Window(root, theme, self, settings)
        bind_shortcuts(root, {**self.appearance.actions, **self.window.actions})
        self.window.draw(self.chat, now())  # so that what is typed at once has a place to go
        if nick is not None:
            self.sign_in(nick)

    async def run(self) -> None:
        """Run until the window is closed or a signal comes."""
        with self._program:
            async with trio.open_nursery() as self._nursery:
                for task in (
                    self._keep_drawn,
                    self._close_on_signal,
                    self._status.watch,
                    self._watch_clock,
                    self._settings.keep_written,
                    self.appearance.run,
                ):
                    self._nursery.start_soon(task)
                while True:
                    await self._run_session(*await self._nicks.receive())

    async def _close_on_signal(self) -> None:
        with trio.open_signal_receiver(*_closing_signals()) as signals:
            async for _ in signals:
                self.close()

    async def _keep_drawn(self) -> None:
        while not self._program.cancel_called:  # a change that was due may come after the window
            self._changed = trio.Event()
            self._notifier.look(self.chat, now())
            self.window.draw(self.chat, now())
            await trio.sleep(FRAME_SECONDS)
            left = self.chat.next_change(now())
            with trio.move_on_after(math.inf if left is None else left / 1000):
                await self._changed.wait()

    def _call(self, title: str, text: str) -> None:
        """Ring and show a notification."""
        self.window.ring()
        self._start(notify, title, text)

    async def _watch_clock(self) -> None:
        """After the machine was asleep, connect again at once."""
        while True:
            await until_jump()
            self.retry_now()
            self.redraw()

    @property
    def is_drawn(self) -> bool:
        """Whether everything that has changed is drawn."""
        return self._changed.statistics().tasks_waiting > 0

    def redraw(self) -> None:
        """Note that something has changed, to be drawn soon."""
        self._changed.set()

    def _start(self, task: Callable[[*Ts], Awaitable[object]], *arguments: *Ts) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(task, *arguments)

    def _ask(
        self, what: Callable[[SessionController, *Ts], Awaitable[object]], *arguments: *Ts
    ) -> None:
        """Call a method of the session controller, if there is a session."""
        if self._controller is not None:
            self._start(what, self._controller, *arguments)

    # --- one session --------------------------------------------------------------------------

    async def _run_session(self, nick: str, server: SavedServer) -> None:
        """Open a session, and return when it has ended."""
        self.chat.sign_in(nick)
        self.chat.open_rooms(server.rooms, self._room or (None if server.rooms else wire.LOBBY))
        self.redraw()
        with trio.CancelScope() as self._session_scope:
            try:
                async with (
                    open_session(
                        server.urls, nick=nick, tls_hosts=self._settings.preferences.tls_hosts
                    ) as self._session,
                    trio.open_nursery() as nursery,
                ):
                    self._controller = SessionController(
                        self.chat,
                        self._session,
                        nursery,
                        on_change=self.redraw,
                        on_room=self._keep_rooms,
                    )
                    await self._controller.run()
                    nursery.cancel_scope.cancel()
            except (CannotConnect, CommandError) as error:
                self.chat.fail_sign_in(error)
        if self._session_scope.cancelled_caught:
            self.chat.fail_sign_in()
        self._session = self._controller = None
        self.redraw()

    # --- what the person does -----------------------------------------------------------------

    def sign_in(self, nick: str, server: SavedServer | None = None) -> None:
        """Open a session under a nickname; by default with the server of the last time."""
        server = server or self._settings.preferences.last_server
        try:
            self._nicks_in.send_nowait((nick, server))
        except trio.WouldBlock:
            return  # clicked twice
        self._settings.change(nick=nick, server=server.name)

    def keep_servers(self, servers: Sequence[SavedServer], chosen: str) -> None:
        """Save these servers, and the name of the chosen one."""
        self._settings.change(servers=tuple(servers), server=chosen)

    def sign_in_again(self) -> None:
        """Open a session after the last one has ended."""
        self.sign_in(self.chat.nick)

    def stop_signing_in(self) -> None:
        """Cancel the attempt to open a session."""
        self._session_scope.cancel()

    def say(self, text: str) -> str | None:
        """Send a message or carry out a slash command; return why that is not possible, or None."""
        wish = commands.parse(text)
        if isinstance(wish, commands.InvalidCommand):
            return wish.problem
        if isinstance(wish, commands.Say):
            return self._say(wish.text)
        if isinstance(wish, commands.TalkTo) and wish.text:
            self.talk_to(wish.nick)
            return self._say(wish.text)
        self._carry_out(wish)
        return None

    def _say(self, text: str) -> str | None:
        problem = why_not_sendable(text, self.chat.most_text_bytes)
        conversation = self.chat.current
        if problem is None and conversation is not None:
            conversation.write(secrets.token_hex(8), text)
            self.chat.use(conversation)
            self._send(conversation)
        return problem

    def save_overflow(self, overflow: Overflow) -> None:
        """Save to a file what did not fit into the input field."""
        self._start(save_overflow, overflow, self.redraw)

    def _carry_out(self, wish: commands.UserCommand) -> None:
        match wish:
            case commands.JoinRoom(room):
                self.join_room(room)
            case commands.LeaveRoom(room):
                self.leave(room)
            case commands.Rename(nick):
                self._ask(SessionController.rename, nick)
            case commands.TalkTo(nick):
                self.talk_to(nick)
            case commands.ShowStatus(state, text):
                self.set_status(state, text)
            case commands.SearchFor(words):
                self.window.chat.search_for(words)
            case commands.ShowHelp():
                self.show_help()
            case commands.Quit():
                self.close()

    def show(self, conversation: Conversation) -> None:
        """Make a conversation the current one."""
        self.window.chat.composer.save_input()
        self.chat.show(conversation)
        self.window.draw(self.chat, now())  # at once: what is typed next belongs to it

    def step(self, by: int) -> None:
        """Make the next conversation in the list the current one, or the one before."""
        conversation = self.chat.step(by)
        if conversation is not None:
            self.show(conversation)

    def join_room(self, room: str) -> None:
        """Join a room, and make it the current conversation."""
        conversation = self.chat.room(room)
        if not conversation.is_joined:
            self._ask(SessionController.join, conversation)
        self.show(conversation)

    def _keep_rooms(self) -> None:
        """Save which rooms are open, without those that could not be joined, and who speaks TLS."""
        preferences = self._settings.preferences
        spoke = self._session.tls_hosts if self._session else frozenset()
        here = preferences.last_server
        rooms = tuple(
            conversation.name
            for conversation in reversed(self.chat.rooms)
            if conversation.join_refusal is None
            and (conversation.was_joined or conversation.name in here.rooms)
        )
        changed = msgspec.structs.replace(here, rooms=rooms)
        servers = tuple(changed if s is here else s for s in preferences.servers)
        self._settings.change(servers=servers, tls_hosts=preferences.tls_hosts | spoke)

    def choose_look(self, look: Look) -> None:
        """Choose the light look, the dark one, or that of the system."""
        self.appearance.choose(look)

    def show_help(self) -> None:
        """Show or hide the help."""
        self.window.help.toggle()

    def mute(self) -> None:
        """Mute the current conversation, or unmute it."""
        if self.chat.current is None:
            return
        title = self.chat.current.title
        muted = self._settings.preferences.muted ^ {title}
        self._settings.change(muted=muted)
        told = _("Muted: nothing said here rings.") if title in muted else _("No longer muted.")
        self.chat.current.report(now(), told)
        self.redraw()

    def ask_for_room(self) -> None:
        """Open the chooser for joining a room, and fill it with the rooms that exist."""
        self._ask(SessionController.list_rooms, self.window.ask_for_room())

    def talk_to(self, nick: str) -> None:
        """Open the conversation with somebody."""
        self.show(self.chat.conversation(ConversationKey(nick, direct=True)))

    def leave(self, room: str | None = None) -> None:
        """Leave a room, or the current conversation."""
        left = self.chat.current if room is None else self.chat.open_room(room)
        if left is None or (not left.is_direct and len(self.chat.rooms) == 1):
            if left is not None:
                left.report(now(), _("You cannot leave the last room; join another one first."))
            self.redraw()
            return
        if not left.is_direct:
            self._ask(SessionController.leave, left.name)
        self.chat.close(left)
        self._keep_rooms()
        self.redraw()

    def set_status(self, state: wire.State, text: str = "") -> None:
        """Set the status that others see."""
        self._status.choose(state, text)

    def _tell_status(self, state: wire.State, text: str) -> None:
        self._ask(SessionController.set_status, state, text)
        self.redraw()

    def note_activity(self) -> None:
        """Note that the person did something."""
        if self._nursery is not None:
            self._status.note_activity()

    def note_typing(self) -> None:
        """Send a typing note to the others."""
        if self.chat.current is not None and self._settings.preferences.tells_typing:
            self._ask(SessionController.note_typing, self.chat.current)

    def note_focus(self, *, focused: bool) -> None:
        """Note whether the window has the focus."""
        self.chat.note_focus(focused=focused)
        self.redraw()

    def load_older(self) -> None:
        """Load older messages of the current conversation."""
        if self.chat.current is not None:
            self._ask(SessionController.load_older, self.chat.current)

    def note_end(self) -> None:
        """Note that the reader has come to the end of the current conversation."""
        self.chat.read_current()
        self.redraw()

    def open_link(self, link: str) -> None:
        """Open a link in the browser."""
        self._start(open_link, link)

    def retry_draft(self, draft_id: str) -> None:
        """Send a refused message again."""
        if self.chat.current is not None:
            self.chat.current.retry(draft_id)
            self._send(self.chat.current)

    def discard_draft(self, draft_id: str) -> None:
        """Drop a refused message."""
        if self.chat.current is not None:
            self.chat.current.discard(draft_id)
        self.redraw()

    def retry(self) -> None:
        """Connect again at once or, if connected, send again what was refused, unasked."""
        match self.chat.connection:
            case Offline():
                self.retry_now()
            case SessionOver():
                self.sign_in_again()
            case _ if self.chat.current is not None:
                for draft in self.chat.current.repeatable:
                    self.retry_draft(draft.id)

    def discard(self) -> None:
        """Drop all refused messages of the current conversation."""
        if self.chat.current is not None:
            for draft in self.chat.current.refused:
                self.discard_draft(draft.id)

    def retry_now(self) -> None:
        """Connect again at once, without waiting for the next attempt."""
        if self._session is not None:
            self._session.retry_now()

    def close(self) -> None:
        """End the program."""
        self._program.cancel()

    def _send(self, conversation: Conversation) -> None:
        if self._controller is not None:
            self._controller.send(conversation)
        self.redraw()
