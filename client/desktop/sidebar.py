"""The rooms and people one talks with, and oneself: name, status, connection."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Collection, Sequence
from functools import partial
from tkinter import ttk
from typing import Final, Protocol

from client.desktop.preferences import Remembered
from client.desktop.scrolling import QuietScrollbar
from client.desktop.theme import GAP, MARGIN, Theme, offer
from client.model import (
    Chat,
    Connection,
    Conversation,
    Offline,
    Online,
    Over,
    shown_line,
    state_text,
)
from client.texts import _
from gateway import wire

_ROOMS: Final = "rooms"
_PEOPLE: Final = "people"
_MUTED: Final = "\u2298"
_MARKS: Final[dict[wire.State, str]] = {"online": "\u25cf", "away": "\u25d2", "busy": "\u25a0"}


class SidebarActions(Protocol):
    """What the person can do in the sidebar."""

    def show(self, conversation: Conversation) -> None:
        """Turn to a conversation."""

    def ask_for_room(self) -> None:
        """Open the place where one joins a room."""

    def set_status(self, state: wire.State, text: str = "") -> None:
        """Show this status to others."""

    def retry_now(self) -> None:
        """Do not wait for the next attempt to connect."""

    def come_in_again(self) -> None:
        """Open a session after the last one has ended."""


class Sidebar(ttk.Frame):
    """Lists the conversations, and below them who one is and how one is connected."""

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: SidebarActions, kept: Remembered
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self.pack_propagate(flag=False)
        self._theme, self._actions, self._kept = theme, actions, kept
        self._listed: dict[str, Conversation] = {}
        self._drawn: object = None
        head = ttk.Frame(self, style="Side.TFrame")
        head.pack(fill="x", padx=(MARGIN, GAP), pady=(GAP, 0))
        ttk.Label(head, text=_("Chats"), style="Side.TLabel").pack(side="left")
        self.join = ttk.Button(head, text=_("Join \u2026"), command=actions.ask_for_room)
        offer(self.join)
        self.join.pack(side="right")
        self.me = Me(self, theme, actions, kept)
        self.me.pack(side="bottom", fill="x", padx=MARGIN, pady=GAP)
        ttk.Frame(self, style="Rule.TFrame", height=1).pack(side="bottom", fill="x")
        self.list = ttk.Treeview(self, show="tree", selectmode="browse", style="Side.Treeview",
                                 columns=("muted", "unread"))  # fmt: skip
        self.list.column("#0", stretch=True, width=10)
        theme.dress(self, self._dress)
        scrollbar = QuietScrollbar(self, self.list)
        scrollbar.configure(style="Side.TFrame")
        self.list.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.list.pack(fill="both", expand=True, padx=(GAP, 0), pady=GAP)
        self.list.bind("<<TreeviewSelect>>", self._chosen)

    def _dress(self) -> None:
        theme = self._theme
        muted_width = theme.body.measure(_MUTED) + theme.px(GAP)
        self.list.column("muted", stretch=False, width=muted_width, anchor="e")
        self.list.column("unread", stretch=False, width=theme.columns(2), anchor="e")
        self.list.tag_configure("section", foreground=theme.palette.quiet, font=theme.small)
        self.list.tag_configure("unread", font=theme.bold)
        self.list.tag_configure("mention", font=theme.bold, foreground=theme.palette.link)

    def draw(self, chat: Chat, now: int) -> None:
        """Bring it up to date."""
        self.me.draw(chat, now)
        muted = self._kept.preferences.muted
        rooms = [_Row(c, _room_text(c), muted) for c in chat.rooms]
        people = [_Row(c, _person_text(c, chat), muted) for c in chat.directs]
        drawn = [(row.text, row.marks, row.tag) for row in (*rooms, *people)]
        seen = (drawn, len(rooms), chat.current)
        if seen == self._drawn:
            return
        self._drawn = seen
        self.list.delete(*self.list.get_children())
        self._listed = {}
        self._section(_("Rooms"), rooms)
        self._section(_("People"), people)
        chosen = next((i for i, c in self._listed.items() if c is chat.current), None)
        if chosen is not None:
            self.list.selection_set(chosen)
            self.list.focus(chosen)
            self.list.see(chosen)

    def _section(self, title: str, rows: Sequence[_Row]) -> None:
        if rows:
            self.list.insert("", "end", text=title.upper(), tags=("section",))
        for row in rows:
            item = self.list.insert("", "end", text=row.text, values=row.marks, tags=(row.tag,))
            self._listed[item] = row.conversation

    def _chosen(self, _event: object) -> None:
        chosen = self.list.selection()
        if chosen and chosen[0] in self._listed:
            self._actions.show(self._listed[chosen[0]])


class _Row:
    def __init__(self, conversation: Conversation, text: str, muted: Collection[str]) -> None:
        self.conversation = conversation
        self.text = text
        mark = _MUTED if conversation.place.title in muted else ""
        self.marks = (mark, _unread(conversation))
        self.tag = (
            "mention" if conversation.mentions else "unread" if conversation.unread else "read"
        )


class Me(ttk.Frame):
    """The person's own name and status, with a menu, and the state of the connection."""

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: SidebarActions, kept: Remembered
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self._actions = actions
        self.name = ttk.Menubutton(self)
        self.menu = menu = tk.Menu(self.name, tearoff=False)
        theme.dress_menu(menu)
        states: Sequence[wire.State] = ("online", "away", "busy")
        for state in states:
            menu.add_command(
                label=f"{_MARKS[state]}  {state_text(state)}",
                command=partial(actions.set_status, state),
            )
        menu.add_separator()
        self._tells_typing = tk.BooleanVar(self, kept.preferences.tells_typing)
        menu.add_checkbutton(
            label=_("Tell others when I am typing"),
            variable=self._tells_typing,
            command=lambda: kept.change(tells_typing=self._tells_typing.get()),
        )
        self.name.configure(menu=menu)
        self.name.pack(fill="x")
        self.status = ttk.Label(self, style="SideQuiet.TLabel")
        self.status.pack(fill="x", pady=(GAP // 2, 0))
        self.action = ttk.Button(self)
        offer(self.action)

    def draw(self, chat: Chat, now: int) -> None:
        """Bring it up to date."""
        self.name.configure(text=f"{_MARKS[chat.status.state]}  {shown_line(chat.nick)}")
        style, text = _describe(chat.connection, now)
        self.status.configure(text=text, style=f"Side{style}.TLabel")
        self.status.configure(wraplength=max(self.winfo_width(), 120))
        match chat.connection:
            case Offline() as offline:
                self._offer(
                    _("Now"), self._actions.retry_now, enabled=offline.seconds_left(now) > 0
                )
            case Over():
                self._offer(_("Come in again"), self._actions.come_in_again)
            case _:
                self.action.pack_forget()

    def _offer(self, label: str, command: Callable[[], None], *, enabled: bool = True) -> None:
        self.action.configure(
            text=label, command=command, state="normal" if enabled else "disabled"
        )
        if not self.action.winfo_manager():
            self.action.pack(fill="x", pady=(GAP, 0))


def _describe(connection: Connection, now: int) -> tuple[str, str]:
    match connection:
        case Online(node, _url, None):
            return "Good", _("Connected to {node}").format(node=node)
        case Online(node, _url, latency):
            text = _("Connected to {node}, {latency}\u00a0ms")
            return "Good", text.format(node=node, latency=latency)
        case Offline() as offline:
            seconds = offline.seconds_left(now)
            if not seconds:
                return "Warning", _("Reconnecting \u2026")
            return "Warning", _("Reconnecting in {seconds} s").format(seconds=seconds)
        case Over(reason):
            return "Error", _("Signed out: {reason}").format(reason=reason)
        case _:
            return "Quiet", ""


def _room_text(conversation: Conversation) -> str:
    return conversation.place.title


def _person_text(conversation: Conversation, chat: Chat) -> str:
    person = chat.person(conversation.place.name)
    mark = _MARKS[person.state] if person else "\u25cb"
    return f"{mark}  {conversation.place.title}"


def _unread(conversation: Conversation) -> str:
    if not conversation.unread:
        return ""
    number = "99+" if conversation.unread > 99 else str(conversation.unread)  # noqa: PLR2004
    return f"@ {number}" if conversation.mentions else number
