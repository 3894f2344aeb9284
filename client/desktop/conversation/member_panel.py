"""The list of members beside the messages."""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_left
from collections.abc import Callable, Sequence
from tkinter import ttk

from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.rows import Row, Rows
from client.i18n.texts import _, ngettext
from client.model import order_of, registered_text, shown_line
from gateway import wire


class MemberPanel(ttk.Frame):
    """Shows the members with their status; drawing costs the same however many they are."""

    def __init__(self, master: tk.Misc, theme: Theme, on_open: Callable[[str], None]) -> None:
        super().__init__(master, style="Side.TFrame")
        self.pack_propagate(flag=False)
        self.title = ttk.Label(self, style="Side.Strong.TLabel")
        self.title.pack(anchor="w", padx=theme.px(MARGIN), pady=(theme.px(MARGIN), theme.px(GAP)))
        self.rows = Rows(self, theme, ground="surface", on_open=self._opened, opens_at_once=True)
        self.rows.pack(fill="both", expand=True, padx=theme.px(GAP), pady=(0, theme.px(GAP)))
        self._on_open = on_open
        self._members: Sequence[wire.Member] = ()
        self._me = ""

    def reset(self) -> None:
        """Forget the members of the last conversation."""
        self._members, self._me = (), ""
        self.rows.show(0, self._row)

    def draw(self, members: Sequence[wire.Member], me: str) -> None:
        """Show these members; the scroll position and the choice stay."""
        before = self._members
        if before is members and self._me == me:
            return
        top, part = divmod(self.rows.top, 1)
        first = before[int(top)] if 0 < top < len(before) else None
        chosen = before[self.rows.chosen] if before and self.rows.chosen is not None else None
        self._members, self._me = members, me
        count = ngettext("{count:,} member", "{count:,} members", len(members))
        self.title.configure(text=count.format(count=len(members)) if members else "")
        place = _place_of(chosen, members) if chosen is not None else len(members)
        is_here = place < len(members) and chosen and members[place].nick == chosen.nick
        self.rows.show(
            len(members),
            self._row,
            place if is_here else None,
            _place_of(first, members) + part if first is not None else 0,
        )

    def _row(self, number: int) -> Row:
        member = self._members[number]
        nick = shown_line(member.nick)
        name = _("{nick} (you)").format(nick=nick) if member.nick == self._me else nick
        return Row(
            name,
            note=shown_line(member.text),
            nick=nick,
            presence=member.state,
            faint=member.state != "online",
            registered=member.registered,
            hint=registered_text(nick) if member.registered else "",
        )

    def _opened(self, number: int) -> None:
        nick = self._members[number].nick
        if nick != self._me:
            self._on_open(nick)


def _place_of(member: wire.Member, members: Sequence[wire.Member]) -> int:
    """Return the index of a member in sorted members, or where it would be."""
    return bisect_left(members, order_of(member), key=order_of)
