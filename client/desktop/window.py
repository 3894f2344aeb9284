"""The window: it shows a `Chat`, and hands on what the person does."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk
from typing import Protocol

from client.desktop.chat_page import ChatActions, ChatPage
from client.desktop.preferences import Remembered, Server
from client.desktop.sign_in import SignInPage
from client.desktop.theme import Theme
from client.model import Chat, SignedOut, SigningIn


class Actions(ChatActions, Protocol):
    """What the person can do; all of it returns at once."""

    def sign_in(self, nick: str, server: Server | None = None) -> None:
        """Come in, under this nickname; to the server of the last time, if none is given."""

    def keep_servers(self, servers: Sequence[Server], chosen: str) -> None:
        """Remember these servers, and which one was chosen."""

    def stop_signing_in(self) -> None:
        """Give up the attempt to come in."""

    def close(self) -> None:
        """Leave, and end the program."""


class Window:
    """Two pages in one window: one asks for a nickname, the other shows the room."""

    def __init__(
        self, root: tk.Tk, theme: Theme, actions: Actions, kept: Remembered, room: str
    ) -> None:
        self.root = root
        self._room = room
        self.sign_in = SignInPage(
            root,
            theme,
            kept.preferences,
            on_submit=actions.sign_in,
            on_cancel=actions.stop_signing_in,
            on_change=actions.keep_servers,
            notice=kept.problem,
        )
        self.chat = ChatPage(root, theme, actions)
        self._title = ""
        self._page: ttk.Frame | None = None
        self._sign_in_state: SignedOut | SigningIn | None = None
        self._close = actions.close
        root.protocol("WM_DELETE_WINDOW", self._leave)
        self.chat.bind("<Destroy>", lambda _: actions.close())

    def draw(self, chat: Chat, now: int) -> None:
        """Bring what is seen up to date; ``now`` is in Unix milliseconds."""
        state = chat.connection
        if isinstance(state, (SignedOut, SigningIn)):
            self._turn_to(self.sign_in)
            self._entitle("Chat")
            if state is not self._sign_in_state:
                self.sign_in.draw(state)
        else:
            if self._turn_to(self.chat):
                self.chat.entry.focus_set()
            self._entitle(f"{chat.nick} in #{self._room}")
            self.chat.draw(chat, chat.conversation(self._room), now)
        self._sign_in_state = state if isinstance(state, (SignedOut, SigningIn)) else None

    def _leave(self) -> None:
        self.root.withdraw()  # gone at once, while the program still says its goodbyes
        self._close()

    def _entitle(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self.root.title(title)

    def _turn_to(self, page: ttk.Frame) -> bool:
        if page is self._page:
            return False
        if self._page is not None:
            self._page.pack_forget()
        page.pack(fill="both", expand=True)
        self._page = page
        return True
