"""The window: it shows a `Chat`, and passes on what the person does."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tkinter import ttk
from typing import Protocol

from client.desktop.control.attention import title_with_unread
from client.desktop.control.password_judge import PasswordJudgement
from client.desktop.pages.account_page import AccountPage
from client.desktop.pages.account_sections import AccountActions
from client.desktop.pages.chat_page import ChatActions, ChatPage
from client.desktop.pages.chooser import Choice
from client.desktop.pages.help_page import HelpPage
from client.desktop.pages.sign_in import SignInPage
from client.desktop.settings.preferences import PreferencesFile
from client.desktop.settings.servers import SavedServer
from client.desktop.settings.tokens import Place
from client.desktop.theme.theme import Theme
from client.desktop.tk.bell import Bell
from client.desktop.tk.icon import WindowIcon
from client.desktop.widgets.clipboard_menu import CONTEXT_KEY
from client.desktop.widgets.rows import Row
from client.i18n.texts import _, ngettext
from client.model import Chat, ConversationKey, SignedOut, SigningIn, SignInRequest, shown_line
from client.model.commands import room_called
from gateway import wire


class WindowActions(ChatActions, Protocol):
    """What the person can do; everything returns at once."""

    def sign_in(self, request: SignInRequest, server: SavedServer | None = None) -> None:
        """Open a session; by default with the server of the last time."""

    def judge_password(
        self, password: str, nick: str, show: Callable[[PasswordJudgement], None]
    ) -> None:
        """Call ``show`` with how good a password is, soon."""

    def keep_servers(self, servers: Sequence[SavedServer], chosen: str) -> None:
        """Save these servers, and the name of the chosen one."""

    def stop_signing_in(self) -> None:
        """Cancel the attempt to open a session."""

    def join_room(self, room: str) -> None:
        """Join a room, and make it the current conversation."""

    def retry(self) -> None:
        """Connect again at once or, if connected, send all refused messages again."""

    def discard(self) -> None:
        """Drop all refused messages of the current conversation."""

    def step(self, by: int) -> None:
        """Make the next conversation in the list the current one, or the one before."""

    def note_focus(self, *, focused: bool) -> None:
        """Note whether the window has the focus."""

    def note_activity(self) -> None:
        """Note that the person did something."""


class Window:
    """The window with its two pages: one to sign in, one with the conversations."""

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        actions: WindowActions,
        account: AccountActions,
        settings: PreferencesFile,
    ) -> None:
        self.root = root
        self._actions, self._settings = actions, settings
        self.sign_in = SignInPage(
            root,
            theme,
            settings.preferences,
            on_submit=actions.sign_in,
            on_cancel=actions.stop_signing_in,
            on_change=actions.keep_servers,
            on_judge=actions.judge_password,
            notice=settings.problem,
        )
        self.chat = ChatPage(root, theme, actions, settings)
        self.help = HelpPage(root, theme, self._focus_page)
        self.account = AccountPage(
            root,
            theme,
            settings.preferences,
            account,
            on_judge=actions.judge_password,
            on_closed=self._focus_page,
        )
        self._asked_for_password: object = None
        self._drawn = Chat()
        self._title = ""
        self._icon = WindowIcon(root)
        self._bell = Bell(root)
        self._page: ttk.Frame | None = None
        self._sign_in_state: SignedOut | SigningIn | None = None
        root.protocol("WM_DELETE_WINDOW", self._leave)
        self.chat.bind("<Destroy>", lambda _: actions.close())
        for sequence in ("<FocusIn>", "<FocusOut>"):
            root.bind(sequence, self._focus_moved, add="+")
        for sequence in ("<Key>", "<Button>", "<Motion>"):
            root.bind_all(sequence, lambda _: actions.note_activity(), add="+")
        self.actions: Mapping[str, Callable[[], object]] = {
            "switch": self._in_chat(self._offer_conversations),
            "previous": self._in_chat(partial(actions.step, -1)),
            "next": self._in_chat(partial(actions.step, 1)),
            "join": self._in_chat(actions.ask_for_room),
            "leave": self._in_chat(actions.leave),
            "mute": self._in_chat(actions.mute),
            "search": self._in_chat(partial(self.chat.search_for, "")),
            "newest": self._in_chat(self.chat.messages.go_to_end),
            "retry": self._in_chat(actions.retry),
            "discard": self._in_chat(actions.discard),
            "members": self._in_chat(self.chat.turn_to_members),
            "pane": self._in_chat(self.chat.next_pane),
            "menu": self._in_chat(self.chat.sidebar.me.open_menu),
            "context": self._open_context_menu,
            "account": self._toggle_account,
            "help": actions.show_help,
            "quit": self._leave,
        }

    def draw(self, chat: Chat, now: int) -> None:
        """Bring the window up to date; ``now`` is in Unix milliseconds."""
        self._drawn, state = chat, chat.connection
        if isinstance(state, (SignedOut, SigningIn)):
            self._turn_to(self.sign_in)
            self._entitle(_("Chat"))
            self._icon.show(0)
            if state is not self._sign_in_state:
                self.sign_in.draw(state)
            self.sign_in.tick(now)
        else:
            if self._turn_to(self.chat):
                self.sign_in.clear_secrets()
                # What is not on the screen yet is not given the focus: the first key would be lost.
                self.root.update_idletasks()
                self.chat.focus_input()
            where = chat.current.title if chat.current else _("Chat")
            title = _("{nick} in {place}")
            if chat.current is not None and chat.current.is_direct:
                title = _("{nick} and {place}")
            title = title.format(nick=shown_line(chat.nick), place=where)
            unread = chat.unread(self._settings.preferences.muted)
            self._entitle(title_with_unread(title, unread))
            self._icon.show(unread)
            self.chat.draw(chat, now)
            self._draw_account(chat, now)
        self._sign_in_state = state if isinstance(state, (SignedOut, SigningIn)) else None

    def _draw_account(self, chat: Chat, now: int) -> None:
        self.account.draw(chat, now)
        state = chat.account
        if state is not None and state.change_password and state.device != self._asked_for_password:
            self._asked_for_password = state.device
            self.account.ask_for_password()

    def show_token_place(self, place: Place) -> None:
        """Say where it is kept that somebody stays signed in."""
        self.sign_in.show_token_place(place)
        self.account.show_token_place(place)

    def ring(self) -> None:
        """Ring the bell."""
        self._bell.ring()

    def ask_for_room(self) -> Callable[[Sequence[wire.RoomInfo]], None]:
        """Open the chooser for joining a room; return a function that fills it with the rooms.

        A room that does not exist can be chosen too: joining it creates it.
        """
        known: Sequence[wire.RoomInfo] = ()

        def another(typed: str) -> Choice | None:
            room = room_called(typed)
            if not room or any(info.room.casefold() == room.casefold() for info in known):
                return None
            row = Row(room, symbol="#", note=_("join or make it"))
            return row, partial(self._actions.join_room, room)

        def offer(rooms: Sequence[wire.RoomInfo]) -> None:
            nonlocal known
            known = rooms
            offer_instead(list(map(self._room_choice, rooms)))

        note = _("Type a name. Return joins, Escape closes.")
        offer_instead = self.chat.chooser.open(_("Join a room"), [], note=note, also=another)
        return offer

    def _room_choice(self, info: wire.RoomInfo) -> Choice:
        people = ngettext("{count:,} person", "{count:,} people", info.members)
        note = people.format(count=info.members)
        here = self._drawn.conversations.get(ConversationKey(info.room))
        if here is not None and here.is_joined:
            note = _("{people}, you are in it").format(people=note)
        row = Row(shown_line(info.room), symbol="#", note=note)
        return row, partial(self._actions.join_room, info.room)

    def _offer_conversations(self) -> None:
        rows = self.chat.sidebar.listed
        choices: list[Choice] = [(row, partial(self._actions.show, c)) for row, c in rows]
        conversations = [conversation for _row, conversation in rows]
        likely = self._drawn.likely_next(self._settings.preferences.muted)
        chosen = conversations.index(likely) if likely in conversations else 0
        note = _("Type some letters of a name. Return goes there, Escape closes.")
        self.chat.chooser.open(_("Go to a conversation"), choices, note=note, chosen=chosen)

    def _toggle_account(self) -> None:
        if self._page is self.chat:
            self.help.close()
            self.account.toggle()

    def _open_context_menu(self) -> None:
        if (widget := self.root.focus_get()) is not None:
            widget.event_generate(CONTEXT_KEY)

    def _in_chat(self, action: Callable[[], object]) -> Callable[[], object]:
        def act() -> None:
            if self._page is self.chat:
                self.help.close()
                self.account.close()
                self.chat.chooser.close()
                action()

        return act

    def _focus_moved(self, _event: tk.Event[tk.Misc]) -> None:
        self._actions.note_focus(focused=self._has_focus())

    def _has_focus(self) -> bool:
        """Return whether a widget of this window has the keyboard focus."""
        # Asked, not derived from the events: a window whose field takes the focus back while it
        # is losing it may be told of the loss only.
        focus = str(self.root.tk.call("focus"))
        return bool(focus) and self.root.tk.call("winfo", "toplevel", focus) == str(self.root)

    def _leave(self) -> None:
        self.root.withdraw()  # gone at once, while the program still says its goodbyes
        self._actions.close()

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
        self.help.close()
        self.account.close()
        return True

    def _focus_page(self) -> None:
        """Focus the input field of the page."""
        if self._page is self.chat:
            self.chat.focus_input()
        else:
            self.sign_in.focus_input()
