"""The page of the conversations: sidebar, messages, members and input field."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk
from typing import Final, Protocol

from client.desktop.conversation.composer import Composer
from client.desktop.conversation.header import Header
from client.desktop.conversation.link_question import LinkQuestion
from client.desktop.conversation.member_panel import MemberPanel
from client.desktop.conversation.message_clicks import MessageActions
from client.desktop.conversation.message_view import MessageView
from client.desktop.conversation.search_bar import SearchBar
from client.desktop.pages.chooser import Chooser
from client.desktop.pages.sidebar import Sidebar, SidebarActions
from client.desktop.settings.preferences import PreferencesFile
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.clipboard_menu import offer_clipboard
from client.model import Chat, Conversation, Overflow, shown_line

_SIDE_COLUMNS: Final = 21
_COLUMNS_WITH_MEMBERS: Final = 72
_MODIFIERS: Final = 0x4 | 0x8
"""Control and Alt."""
_MOST_OF_WIDTH: Final = 0.34


class ChatActions(MessageActions, SidebarActions, Protocol):
    """What the person can do in the conversations; everything returns at once."""

    def say(self, text: str) -> str | None:
        """Send a message or carry out a slash command; return why that is not possible, or None."""

    def save_overflow(self, overflow: Overflow) -> None:
        """Save to a file what did not fit into the input field."""

    def note_typing(self) -> None:
        """Send a typing note to the others."""

    def leave(self) -> None:
        """Leave the current conversation."""

    def mute(self) -> None:
        """Mute the current conversation, or unmute it."""


class ChatPage(ttk.Frame):
    """Shows a `Chat`: the list of conversations, and the current one."""

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: ChatActions, settings: PreferencesFile
    ) -> None:
        super().__init__(master)
        self.rowconfigure(2, weight=1)
        self.columnconfigure(2, weight=1)
        margin, gap = theme.px(MARGIN), theme.px(GAP)

        self.sidebar = Sidebar(self, theme, actions, settings)
        self.sidebar.grid(row=0, column=0, rowspan=6, sticky="nsew")
        _rule(self).grid(row=0, column=1, rowspan=6, sticky="ns")
        self.header = Header(
            self,
            theme,
            on_leave=actions.leave,
            on_mute=actions.mute,
            on_search=lambda: self.search_for(""),
            on_members=self.turn_to_members,
        )
        self.header.grid(row=0, column=2, columnspan=3, sticky="ew", padx=(margin, gap), pady=gap)
        _rule(self).grid(row=1, column=2, columnspan=3, sticky="ew")
        self.link_question = LinkQuestion(self, theme, actions.open_link, self.focus_input)
        self.link_question.grid(row=4, column=2, sticky="ew")
        self.link_question.grid_remove()
        self.messages = MessageView(self, theme, actions, self.link_question.open)
        self.messages.grid(row=2, column=2, sticky="nsew")
        self.members_rule = _rule(self)
        self.members = MemberPanel(self, theme, actions.talk_to)
        self.members.rows.canvas.bind("<FocusOut>", lambda _: self._left_members(), add="+")
        self.search = SearchBar(self, theme, self.messages, self.focus_input)
        self.search.grid(row=3, column=2, sticky="ew")
        self.search.grid_remove()
        self.composer = Composer(
            self,
            theme,
            say=actions.say,
            save_overflow=actions.save_overflow,
            note_typing=actions.note_typing,
            scroll=self.messages.scroll,
        )
        self.composer.grid(row=5, column=2, sticky="ew", padx=margin, pady=(gap, gap // 2))
        offer_clipboard(self.composer.text, theme)
        self.chooser = Chooser(self, theme, self.focus_input)
        for widget in self._panes[1:]:
            widget.bind("<Escape>", lambda _: self.focus_input(), add="+")
        self.winfo_toplevel().bind("<Key>", self._typed_elsewhere, add="+")
        self.winfo_toplevel().bind("<<Paste>>", self._pasted_elsewhere, add="+")
        self._conversation: Conversation | None = None
        self._calls_members = False
        self._theme, self._settings = theme, settings
        self.bind("<Configure>", lambda _: self._fit())
        theme.dress(self, self._fit)

    def _fit(self) -> None:
        """Leave enough of the width to the messages, however large the text is."""
        side = self._theme.columns(_SIDE_COLUMNS)
        self.sidebar.configure(width=min(side, round(_MOST_OF_WIDTH * self.winfo_width())))
        self._place_members(side)

    def _place_members(self, side: int) -> None:
        """Show the members beside the messages or, where it is narrow, over them while in focus."""
        width = self.winfo_width()
        self.members.configure(width=side)
        direct = self._conversation is not None and self._conversation.is_direct
        if not direct and width >= self._theme.columns(_COLUMNS_WITH_MEMBERS):
            self.members_rule.grid(row=2, column=3, rowspan=4, sticky="ns")
            self.members.grid(row=2, column=4, rowspan=4, sticky="nsew")
        elif not direct and self._calls_members:
            for widget, left, across in ((self.members_rule, side, 1), (self.members, 0, side)):
                widget.place(
                    in_=self.messages, relx=1.0, x=-left, anchor="ne", width=across, relheight=1.0
                )
                widget.lift()
        else:
            self._calls_members = False
            for widget in (self.members_rule, self.members):
                widget.grid_forget()
                widget.place_forget()
            if self._members_have_keys:
                self.focus_input()

    def draw(self, chat: Chat, now: int) -> None:
        """Bring the page up to date."""
        self.sidebar.draw(chat, now)
        conversation = chat.current
        if conversation is None:
            return
        self.search.follow(conversation)
        if conversation is not self._conversation:
            self._conversation = conversation
            self.link_question.close()
            self.members.reset()
            self._fit()
        muted = conversation.title in self._settings.preferences.muted
        self.header.draw(chat, conversation, muted=muted)
        self.messages.draw(conversation, shown_line(chat.nick))
        self.members.draw(conversation.people.listed, chat.nick)
        self.composer.draw(chat, conversation, now)

    def focus_input(self) -> None:
        """Focus the input field."""
        self.composer.text.focus_set()

    @property
    def _panes(self) -> Sequence[tk.Text | tk.Canvas]:
        return (
            self.composer.text,
            self.sidebar.rows.canvas,
            self.messages.text,
            self.members.rows.canvas,
        )

    def next_pane(self) -> None:
        """Focus the next list that is shown, or else the input field."""
        panes = [pane for pane in self._panes if pane.winfo_viewable()]
        focus = self.focus_get()
        place = panes.index(focus) if focus in panes else -1
        panes[(place + 1) % len(panes)].focus_set()

    @property
    def _members_have_keys(self) -> bool:
        return self.focus_lastfor() is self.members.rows.canvas

    def turn_to_members(self) -> None:
        """Focus the members, or else the input field.

        Where there is no room for them, they are shown over the messages while they have the focus.
        """
        if self._members_have_keys:
            self.focus_input()
        elif self._conversation is not None and not self._conversation.is_direct:
            self._calls_members = True
            self._fit()
            self.update_idletasks()  # what is not on the screen yet is not given the focus
            self.members.rows.canvas.focus_set()

    def _left_members(self) -> None:
        self._calls_members = self._members_have_keys  # the window may have lost them as a whole
        self._fit()

    def _typed_elsewhere(self, event: tk.Event[tk.Misc]) -> str | None:
        """Type into the input field if the widget in focus takes no text."""
        widget = event.widget
        is_pressed = event.char == " " and isinstance(widget, (ttk.Button, ttk.Menubutton))
        is_text = event.char and event.char.isprintable() and not int(event.state) & _MODIFIERS
        if is_pressed or not is_text or self._takes_text(widget):
            return None
        self.focus_input()
        self.composer.text.insert("insert", event.char)
        return "break"

    def _pasted_elsewhere(self, event: tk.Event[tk.Misc]) -> None:
        """Paste into the input field if the widget in focus takes no text."""
        if not self._takes_text(event.widget):
            self.focus_input()
            self.composer.text.event_generate("<<Paste>>")

    def _takes_text(self, widget: tk.Misc) -> bool:
        """Return whether a widget takes text itself, or is not on this page."""
        if isinstance(widget, (tk.Entry, ttk.Entry, tk.Menu)):
            return True
        if isinstance(widget, tk.Text) and widget is not self.messages.text:
            return True
        is_here = widget is self.winfo_toplevel() or str(widget).startswith(f"{self}.")
        return not is_here or not self.winfo_viewable()

    def search_for(self, words: str) -> None:
        """Search the current conversation."""
        if self._conversation is not None:
            self.search.open(self._conversation, words)


def _rule(master: tk.Misc) -> ttk.Frame:
    return ttk.Frame(master, style="Rule.TFrame", width=1, height=1)
