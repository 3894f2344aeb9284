"""The desktop client: connects a session, the chat and the window."""

from __future__ import annotations

import math
import secrets
import signal
import tkinter as tk
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVarTuple

import trio

from client.desktop.control.account_desk import AccountDesk
from client.desktop.control.appearance import Appearance
from client.desktop.control.attention import Notifier, notify
from client.desktop.control.browser import open_link
from client.desktop.control.overflow_file import save_overflow
from client.desktop.control.own_status import OwnStatus
from client.desktop.control.password_judge import PasswordJudge, PasswordJudgement
from client.desktop.control.session_controller import SessionController, now
from client.desktop.control.session_runner import SessionRunner
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
    SignInRequest,
    commands,
    why_not_sendable,
)
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
        self._settings = settings
        self._runner = SessionRunner(
            self.chat,
            settings,
            room=room,
            on_change=self.redraw,
            save_input=self._save_input,
        )
        self._passwords = PasswordJudge()
        self._program = trio.CancelScope()
        self._changed = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._status = OwnStatus(self.chat, self._tell_status, self._tell_idle)
        self._notifier = Notifier(self._call, lambda: settings.preferences.muted)
        self.appearance = Appearance(root, theme, settings)
        account = AccountDesk(self._runner, self._start, self.redraw)
        self.window = Window(root, theme, self, account, settings)
        bind_shortcuts(root, {**self.appearance.actions, **self.window.actions})
        self.window.draw(self.chat, now())  # so that what is typed at once has a place to go
        if nick is not None:
            self.sign_in(SignInRequest(nick))

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
                self._nursery.start_soon(self._show_where_tokens_are)
                await self._runner.run()

    async def _show_where_tokens_are(self) -> None:
        self.window.show_token_place(await self._runner.tokens.where())

    async def _close_on_signal(self) -> None:
        with trio.open_signal_receiver(*_closing_signals()) as signals:
            async for _ in signals:
                self.close()

    async def _keep_drawn(self) -> None:
        while not self._program.cancel_called:  # a change that was due may come after the window
            self._changed = trio.Event()
            self._notifier.look(self.chat, now())
            self.window.draw(self.chat, now())
            if self._runner.controller is not None:
                self._runner.controller.account.follow_reader()
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

    def _save_input(self) -> None:
        self.window.chat.composer.save_input()

    def _start(self, task: Callable[[*Ts], Awaitable[object]], *arguments: *Ts) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(task, *arguments)

    def _ask(
        self, what: Callable[[SessionController, *Ts], Awaitable[object]], *arguments: *Ts
    ) -> None:
        """Call a method of the session controller, if there is a session."""
        if (controller := self._runner.controller) is not None:
            self._start(what, controller, *arguments)

    # --- what the person does -----------------------------------------------------------------

    def sign_in(self, request: SignInRequest, server: SavedServer | None = None) -> None:
        """Open a session; by default with the server of the last time."""
        self._runner.sign_in(request, server)

    def keep_servers(self, servers: Sequence[SavedServer], chosen: str) -> None:
        """Save these servers, and the name of the chosen one."""
        self._settings.change(servers=tuple(servers), server=chosen)

    def sign_in_again(self) -> None:
        """Open a session after the last one has ended."""
        self._runner.sign_in_again()

    def stop_signing_in(self) -> None:
        """Cancel the attempt to open a session."""
        self._runner.stop()

    def judge_password(
        self, password: str, nick: str, show: Callable[[PasswordJudgement], None]
    ) -> None:
        """Call ``show`` with how good a password is, soon."""
        self._start(self._passwords.judge, password, nick, show)

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
        self.redraw()  # so that what is read is told

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

    def choose_look(self, look: Look) -> None:
        """Choose the light look, the dark one, or that of the system."""
        self.appearance.choose(look)

    def show_account(self) -> None:
        """Show or hide the page about the account."""
        self.window.account.toggle()

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
        self._runner.keep_rooms()
        self.redraw()

    def set_status(self, state: wire.State, text: str = "") -> None:
        """Set the status that others see."""
        self._status.choose(state, text)

    def _tell_status(self, state: wire.State, text: str) -> None:
        self._ask(SessionController.set_status, state, text)
        self.redraw()

    def _tell_idle(self, idle: bool) -> None:  # noqa: FBT001
        async def tell(controller: SessionController) -> None:
            await controller.set_idle(idle=idle)

        self._ask(tell)

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
        self._runner.retry_now()

    def close(self) -> None:
        """End the program."""
        self._program.cancel()

    def _send(self, conversation: Conversation) -> None:
        if self._runner.controller is not None:
            self._runner.controller.send(conversation)
        self.redraw()
