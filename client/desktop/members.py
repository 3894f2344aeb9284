"""Who is in the room, with their status."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.scrolling import QuietScrollbar
from client.desktop.theme import GAP, MARGIN, Theme
from client.model import shown_line
from client.texts import _, ngettext
from gateway import wire

_DOTS: Final[dict[wire.State, str]] = {"online": "\u25cf", "away": "\u25d2", "busy": "\u25a0"}


class MemberList(ttk.Frame):
    """Draws the members; a change costs what has changed, however many they are."""

    def __init__(self, master: tk.Misc, theme: Theme, on_open: Callable[[str], None]) -> None:
        super().__init__(master, style="Side.TFrame")
        self.pack_propagate(flag=False)
        self.title = ttk.Label(self, style="Side.TLabel")
        self.title.pack(anchor="w", padx=MARGIN, pady=(GAP + 4, GAP))
        self.list = ttk.Treeview(self, show="tree", selectmode="browse", style="Side.Treeview")
        self.list.column("#0", stretch=True, width=10)
        self._theme = theme
        theme.dress(self, self._dress)
        scrollbar = QuietScrollbar(self, self.list)
        scrollbar.configure(style="Side.TFrame")
        self.list.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.list.pack(fill="both", expand=True, padx=(GAP, 0), pady=(0, GAP))
        self._on_open = on_open
        self.list.bind("<Double-Button-1>", self._opened)
        self.list.bind("<Return>", self._opened)
        self._drawn: tuple[Sequence[wire.Member], str] = ((), "")
        self._items: list[str] = []

    def _dress(self) -> None:
        for state in ("away", "busy"):
            self.list.tag_configure(state, foreground=self._theme.palette.quiet)

    def draw(self, members: Sequence[wire.Member], me: str) -> None:
        """Bring the list up to date; the reader stays where they are in it."""
        before, before_me = self._drawn
        if before is members and before_me == me:
            return
        self._drawn = (members, me)
        count = ngettext("{count:,} member", "{count:,} members", len(members))
        self.title.configure(text=count.format(count=len(members)))
        self._merge(before if before_me == me else [], members, me)

    def _merge(self, before: Sequence[wire.Member], after: Sequence[wire.Member], me: str) -> None:
        kept = set(before) & set(after)
        staying = [i for m, i in zip(before, self._items, strict=False) if m in kept]
        self.list.delete(*set(self._items).difference(staying))
        items, rest = [], iter(staying)
        for place, member in enumerate(after):
            if member in kept:
                items.append(next(rest))
            else:
                text = f"{_DOTS[member.state]}  {_described(member, me)}"
                items.append(self.list.insert("", place, text=text, tags=(member.state,)))
        self._items = items

    def _opened(self, _event: object) -> str:
        chosen = self.list.selection()
        if chosen:
            nick = self._drawn[0][self._items.index(chosen[0])].nick
            if nick != self._drawn[1]:
                self._on_open(nick)
        return "break"


def _described(member: wire.Member, me: str) -> str:
    nick = shown_line(member.nick)
    name = _("{nick} (you)").format(nick=nick) if member.nick == me else nick
    return f"{name} \u2013 {shown_line(member.text)}" if member.text else name
