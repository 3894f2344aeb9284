"""The sidebar: the conversations, and one's own name, status and connection."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from tkinter import ttk
from typing import Protocol

from client.desktop.settings.preferences import Look, PreferencesFile
from client.desktop.theme.palette import PresenceState
from client.desktop.theme.pictures import Mark, Picture
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.rows import Row, Rows
from client.i18n.texts import _
from client.model import (
    Chat,
    ConnectionState,
    Conversation,
    Offline,
    Online,
    SessionOver,
    registered_text,
    shown_line,
    state_text,
)
from gateway import wire


class SidebarActions(Protocol):
    """What the person can do in the sidebar."""

    def show(self, conversation: Conversation) -> None:
        """Make a conversation the current one."""

    def ask_for_room(self) -> None:
        """Open the chooser for joining a room."""

    def set_status(self, state: wire.State, text: str = "") -> None:
        """Set the status that others see."""

    def retry_now(self) -> None:
        """Connect again at once, without waiting for the next attempt."""

    def sign_in_again(self) -> None:
        """Open a session after the last one has ended."""

    def choose_look(self, look: Look) -> None:
        """Choose the light look, the dark one, or that of the system."""

    def show_account(self) -> None:
        """Show or hide the page about the account."""

    def show_help(self) -> None:
        """Show or hide the help."""

    def close(self) -> None:
        """End the program."""


class Sidebar(ttk.Frame):
    """Lists the conversations, above a `ProfileBar`."""

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: SidebarActions, settings: PreferencesFile
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self.pack_propagate(flag=False)
        self._actions, self._settings = actions, settings
        self.listed: Sequence[tuple[Row, Conversation]] = ()
        """The conversations, each with its row."""
        self._shown: Sequence[Conversation | None] = ()
        self._drawn: object = None
        margin, gap = theme.px(MARGIN), theme.px(GAP)
        head = ttk.Frame(self, style="Side.TFrame")
        head.pack(fill="x", padx=(margin, gap), pady=(gap, 0))
        ttk.Label(head, text=_("Chats"), style="Side.Title.TLabel").pack(side="left")
        self.join = ttk.Button(
            head, text=_("Join \u2026"), command=actions.ask_for_room, style="Side.Offer.TButton"
        )
        self.join.pack(side="right")
        self.me = ProfileBar(self, theme, actions, settings)
        self.me.pack(side="bottom", fill="x", padx=gap, pady=gap)
        ttk.Frame(self, style="Rule.TFrame", height=1).pack(side="bottom", fill="x")
        self.rows = Rows(self, theme, ground="surface", on_choose=self._chosen)
        self.rows.pack(fill="both", expand=True, padx=gap, pady=gap)

    def draw(self, chat: Chat, now: int) -> None:
        """Bring the list up to date."""
        self.me.draw(chat, now)
        muted = self._settings.preferences.muted
        rooms = [(_room_row(c, muted), c) for c in chat.rooms]
        people = [(_person_row(c, chat, muted), c) for c in chat.directs]
        drawn = (rooms, people, chat.current)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.listed = [*rooms, *people]
        shown: list[tuple[Row, Conversation | None]] = []
        for title, section in ((_("Rooms"), rooms), (_("People"), people)):
            if section:
                shown += ((Row(title.upper(), heading=True), None), *section)
        self._shown = [conversation for _row, conversation in shown]
        self.rows.show_all([row for row, _conversation in shown])
        if chat.current in self._shown:
            self.rows.choose(self._shown.index(chat.current))

    def _chosen(self, number: int) -> None:
        conversation = self._shown[number]
        if conversation is not None:
            self._actions.show(conversation)


class ProfileBar(ttk.Frame):
    """One's own name with a menu, and the state of the connection."""

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: SidebarActions, settings: PreferencesFile
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self._theme, self._actions = theme, actions
        self.name = ttk.Menubutton(
            self, style="Side.Quiet.TMenubutton", compound="left", direction="above"
        )
        self.menu = theme.menu(self.name)
        self._fronts: dict[int, Callable[[], Picture]] = {}
        """What is in front of each entry of the menu."""
        self._fill_menu(settings)
        self.menu.configure(postcommand=self._mark_menu)
        self.name.configure(menu=self.menu)
        self.name.pack(fill="x")
        inside = theme.px(GAP)
        self.status = ttk.Label(self)
        self.status.pack(fill="x", padx=inside, pady=(theme.px(2), inside // 2))
        self.action = ttk.Button(self, style="Side.Offer.TButton")
        self._presence: PresenceState = "gone"
        theme.dress(self, self._dress)

    def open_menu(self) -> None:
        """Open the menu, and select its first entry."""
        above = self.name.winfo_rooty() - self.menu.winfo_reqheight()
        self.menu.tk_popup(self.name.winfo_rootx(), above)
        self.menu.activate(0)

    def _fill_menu(self, settings: PreferencesFile) -> None:
        actions = self._actions
        states: Sequence[wire.State] = ("online", "away", "busy")
        for state in states:
            self._add(
                state_text(state), partial(actions.set_status, state), partial(self._mark, state)
            )
        self.menu.add_separator()
        self._add(
            _("Show that I am typing"),
            lambda: settings.change(tells_typing=not settings.preferences.tells_typing),
            lambda: self._choice("tick" if settings.preferences.tells_typing else "none"),
        )
        self.menu.add_separator()
        looks: Sequence[tuple[Look, str]] = (
            ("light", _("Light")), ("dark", _("Dark")), ("system", _("As the system")),
        )  # fmt: skip

        def front_of(look: Look) -> Picture:
            return self._choice("dot" if settings.preferences.look == look else "none")

        for look, label in looks:
            self._add(label, partial(actions.choose_look, look), partial(front_of, look))
        self.menu.add_separator()
        self._add(_("Account"), actions.show_account)
        self._add(_("Keys and commands"), actions.show_help)
        self._add(_("Leave and close"), actions.close)

    def _add(
        self,
        label: str,
        command: Callable[[], object],
        front: Callable[[], Picture] | None = None,
    ) -> None:
        """Add an entry with a picture in front: Tk's own marks are all of one size."""
        self.menu.add_command(label=f" {label}", command=command, compound="left")
        place = self.menu.index("end") or 0
        self._fronts[place] = front or (lambda: self._choice("none"))

    def _mark_menu(self) -> None:
        """Draw the pictures in front of all entries of the menu."""
        # Kept here: what nothing refers to any more is gone from the window too.
        self._marks = {place: front() for place, front in self._fronts.items()}
        for place, mark in self._marks.items():
            self.menu.entryconfigure(place, image=str(mark))

    def _dress(self) -> None:
        """Draw all pictures in the current colours and size."""
        self._mark_menu()
        self._shown_mark = self._mark(self._presence)
        self.name.configure(image=str(self._shown_mark))

    def _mark(self, presence: PresenceState) -> Picture:
        size = self._theme.body.metrics("linespace")
        colour = self._theme.palette.of_presence(presence)
        return self._theme.pictures.presence(size, presence, colour)

    def _choice(self, mark: Mark) -> Picture:
        size = self._theme.body.metrics("linespace")
        return self._theme.pictures.choice(size, mark, self._theme.palette.text)

    def draw(self, chat: Chat, now: int) -> None:
        """Bring the bar up to date."""
        presence = chat.status.state if isinstance(chat.connection, Online) else "gone"
        if presence != self._presence:
            self._presence = presence
            self._dress()
        self.name.configure(text=f" {shown_line(chat.nick)}  \u25be")
        style, text = _describe(chat.connection, now)
        self.status.configure(text=text, style=f"Side.{style}.TLabel")
        self.status.configure(wraplength=max(self.status.winfo_width(), 120))
        match chat.connection:
            case Offline() as offline:
                self._offer(
                    _("Now"), self._actions.retry_now, enabled=offline.seconds_left(now) > 0
                )
            case SessionOver():
                self._offer(_("Come in again"), self._actions.sign_in_again)
            case _:
                self.action.pack_forget()

    def _offer(self, label: str, command: Callable[[], None], *, enabled: bool = True) -> None:
        self.action.configure(
            text=label, command=command, state="normal" if enabled else "disabled"
        )
        if not self.action.winfo_manager():
            self.action.pack(fill="x", pady=(self._theme.px(GAP // 2), 0))


def _describe(connection: ConnectionState, now: int) -> tuple[str, str]:
    match connection:
        case Online(node, _url, None):
            return "Good", _("Connected to {node}").format(node=node) + "\n"
        case Online(node, _url, latency):
            text = _("Connected to {node}\n{latency} ms")
            return "Good", text.format(node=node, latency=latency)
        case Offline() as offline:
            seconds = offline.seconds_left(now)
            if not seconds:
                return "Warning", _("Reconnecting \u2026")
            return "Warning", _("Reconnecting in {seconds} s").format(seconds=seconds)
        case SessionOver(reason):
            return "Error", _("Signed out: {reason}").format(reason=reason)
        case _:
            return "Quiet", ""


def _room_row(conversation: Conversation, muted: Collection[str]) -> Row:
    return _row(conversation, muted, title=shown_line(conversation.name), symbol="#")


def _person_row(conversation: Conversation, chat: Chat, muted: Collection[str]) -> Row:
    person = chat.person(conversation.name)
    title = conversation.title
    row = _row(conversation, muted, title=title, symbol="")
    if person is None:
        return replace(row, nick=title, presence="gone")
    hint = registered_text(title) if person.registered else ""
    return replace(row, nick=title, presence=person.state, registered=person.registered, hint=hint)


def _row(conversation: Conversation, muted: Collection[str], *, title: str, symbol: str) -> Row:
    return Row(
        title,
        symbol=symbol,
        badge=_unread(conversation),
        urgent=bool(conversation.mentions),
        strong=bool(conversation.unread),
        muted=conversation.title in muted,
    )


def _unread(conversation: Conversation) -> str:
    if not conversation.unread:
        return ""
    number = "99+" if conversation.unread > 99 else str(conversation.unread)  # noqa: PLR2004
    return f"@ {number}" if conversation.mentions else number
