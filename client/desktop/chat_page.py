"""The page that shows a room: the connection, the messages, the members, and the entry line."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Protocol

from client.desktop.messages import MessageView
from client.desktop.scrolling import QuietScrollbar
from client.desktop.theme import GAP, MARGIN, Theme, accent, offer
from client.model import Chat, Connection, Conversation, Offline, Online, Over

_MEMBERS_WIDTH = 210


class ChatActions(Protocol):
    """What the person can do in a room; all of it returns at once."""

    def say(self, text: str) -> str | None:
        """Say something; gives why that cannot be, if it cannot."""

    def retry_draft(self, draft_id: str) -> None:
        """Send a refused message again."""

    def discard_draft(self, draft_id: str) -> None:
        """Forget a refused message."""

    def retry_now(self) -> None:
        """Do not wait for the next attempt to connect."""

    def sign_in(self, nick: str) -> None:
        """Come in, under this nickname."""


class ChatPage(ttk.Frame):
    """Draws a `Conversation` and the state of the connection."""

    def __init__(self, master: tk.Misc, theme: Theme, actions: ChatActions) -> None:
        super().__init__(master)
        self._say = actions.say
        self.rowconfigure(2, weight=1)
        self.columnconfigure(0, weight=1)

        self.header = Header(self, actions)
        self.header.grid(row=0, column=0, columnspan=3, sticky="ew", padx=MARGIN, pady=GAP + 4)
        _rule(self).grid(row=1, column=0, columnspan=3, sticky="ew")
        self.messages = MessageView(
            self, theme, on_retry=actions.retry_draft, on_discard=actions.discard_draft
        )
        self.messages.grid(row=2, column=0, sticky="nsew")
        _rule(self).grid(row=2, column=1, sticky="ns")
        self.members = MemberList(self, theme)
        self.members.grid(row=2, column=2, sticky="nsew")
        _rule(self).grid(row=3, column=0, columnspan=3, sticky="ew")
        bottom = ttk.Frame(self)
        bottom.grid(row=4, column=0, columnspan=3, sticky="ew", padx=MARGIN, pady=GAP + 4)
        self._make_entry(bottom)

    def _make_entry(self, bottom: ttk.Frame) -> None:
        bottom.columnconfigure(0, weight=1)
        self.hint = ttk.Label(bottom)
        self.hint.grid(row=0, column=0, columnspan=2, sticky="w", pady=(0, GAP // 2))
        self.entry = ttk.Entry(bottom)
        self.entry.grid(row=1, column=0, sticky="ew")
        self.send_button = ttk.Button(bottom, text="Send", command=self._submit)
        accent(self.send_button)
        self.send_button.grid(row=1, column=1, sticky="ns", padx=(GAP, 0))
        self.entry.bind("<Return>", self._submit)
        self.entry.bind("<KP_Enter>", self._submit)
        self._problem: str | None = None
        self._problem_with = ""
        self.entry.bind("<KeyRelease>", self._edited)
        self._connection: Connection | None = None

    def draw(self, chat: Chat, conversation: Conversation, now: int) -> None:
        """Bring the page up to date."""
        self._connection = chat.connection
        self.header.draw(chat, conversation, now)
        self.messages.draw(conversation)
        self.members.draw(conversation.members, chat.nick)
        self._draw_hint()

    def _submit(self, _event: object = None) -> None:
        text = self.entry.get()
        if not text.strip():
            return
        self._problem, self._problem_with = self._say(text), text
        if self._problem is None:
            self.entry.delete(0, "end")
        self._draw_hint()

    def _edited(self, _event: object) -> None:
        if self._problem is not None and self.entry.get() != self._problem_with:
            self._problem = None
            self._draw_hint()

    def _draw_hint(self) -> None:
        if self._problem is not None:
            self.hint.configure(text=self._problem, style="Error.TLabel")
        elif isinstance(self._connection, Offline):
            reason = self._connection.reason
            text = f"Not connected ({reason}). What you send now waits until you are again."
            self.hint.configure(text=text, style="Warning.TLabel")
        elif isinstance(self._connection, Over):
            text = "Signed out. What you send now waits until you come in again."
            self.hint.configure(text=text, style="Warning.TLabel")
        else:
            self.hint.grid_remove()
            return
        self.hint.configure(wraplength=self.entry.winfo_width())
        self.hint.grid()


class Header(ttk.Frame):
    """The room's name, and the state of the connection with what can be done about it."""

    def __init__(self, master: tk.Misc, actions: ChatActions) -> None:
        super().__init__(master)
        self._sign_in = actions.sign_in
        self._retry_now = actions.retry_now
        self.title = ttk.Label(self, style="Title.TLabel")
        self.title.pack(side="left")
        self.action = ttk.Button(self)
        offer(self.action)
        self.status = ttk.Label(self)
        self.status.pack(side="right")
        self.dot = ttk.Label(self)
        self.dot.pack(side="right", padx=(0, GAP))
        # As high without the button as with it.
        self.configure(height=self.action.winfo_reqheight())
        self.pack_propagate(flag=False)

    def draw(self, chat: Chat, conversation: Conversation, now: int) -> None:
        """Bring the header up to date."""
        self.title.configure(text=f"#{conversation.room}")
        match chat.connection:
            case Online(node):
                self._show("\u25cf", "Good", f"{chat.nick}, connected to {node}", "Quiet")
            case Offline() as offline:
                seconds = offline.seconds_left(now)
                when = f"in {seconds} s" if seconds else "\u2026"
                self._show("\u25cb", "Warning", f"Reconnecting {when}", "Warning")
                self._offer("Now", self._retry_now, enabled=seconds > 0)
                return
            case Over(reason):
                self._show("\u25cb", "Error", f"Signed out: {reason}", "Error")
                self._offer("Come in again", lambda: self._sign_in(chat.nick))
                return
        self.action.pack_forget()

    def _show(self, dot: str, dot_style: str, text: str, style: str) -> None:
        self.dot.configure(text=dot, style=f"{dot_style}.TLabel")
        self.status.configure(text=text, style=f"{style}.TLabel")

    def _offer(self, label: str, command: Callable[[], None], *, enabled: bool = True) -> None:
        state = "normal" if enabled else "disabled"
        self.action.configure(text=label, command=command, state=state)
        self.action.pack(side="right", padx=(GAP, 0), before=self.status)


class MemberList(ttk.Frame):
    """Who is in the room."""

    def __init__(self, master: tk.Misc, theme: Theme) -> None:
        super().__init__(master, style="Side.TFrame", width=_MEMBERS_WIDTH)
        self.pack_propagate(flag=False)
        self.title = ttk.Label(self, style="Side.TLabel")
        self.title.pack(anchor="w", padx=MARGIN, pady=(GAP + 4, GAP))
        self.list = tk.Listbox(self)
        theme.dress_members(self.list)
        scrollbar = QuietScrollbar(self, self.list)
        scrollbar.configure(style="Side.TFrame")
        self.list.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.list.pack(fill="both", expand=True, padx=(MARGIN, 0), pady=(0, GAP))
        self._drawn: tuple[Sequence[str], str] | None = None

    def draw(self, members: Sequence[str], me: str) -> None:
        """Bring the list up to date; the reader stays where they are in it."""
        if self._drawn is not None and self._drawn[0] is members and self._drawn[1] == me:
            return
        self._drawn = (members, me)
        self.title.configure(text=f"Members \u2013 {len(members):,}")
        top = self.list.yview()[0]
        self.list.delete(0, "end")
        self.list.insert("end", *(f"{nick} (you)" if nick == me else nick for nick in members))
        self.list.yview_moveto(top)


def _rule(master: tk.Misc) -> ttk.Frame:
    return ttk.Frame(master, style="Rule.TFrame", width=1, height=1)
