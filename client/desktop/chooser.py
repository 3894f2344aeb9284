"""A field over the conversation with a list that it narrows down: to go somewhere, or to join."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.theme import GAP, MARGIN, Theme
from client.fuzzy import best_matches

_MOST_SHOWN: Final = 10
_WIDTH: Final = 420

Choice = tuple[str, str, Callable[[], None]]
"""A name to find it by, what else is shown of it, and what choosing it does."""


class Chooser(ttk.Frame):
    """Stands before the conversation until something is chosen or Escape is pressed."""

    def __init__(self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None]) -> None:
        super().__init__(master, style="Rule.TFrame", padding=1)
        self._theme, self._on_closed = theme, on_closed
        inside = ttk.Frame(self, padding=theme.px(MARGIN))
        inside.pack(fill="both", expand=True)
        self.title = ttk.Label(inside, style="Strong.TLabel")
        self.title.pack(anchor="w", pady=(0, theme.px(GAP)))
        self.entry = ttk.Entry(inside, font=theme.body)
        self.entry.pack(fill="x", pady=(0, theme.px(GAP)))
        self.list = tk.Listbox(inside, height=_MOST_SHOWN, takefocus=False)
        theme.dress_choices(self.list)
        self.list.pack(fill="both", expand=True)
        self.note = ttk.Label(inside, style="Quiet.TLabel")
        self.note.pack(anchor="w", pady=(theme.px(GAP), 0))
        self.entry.bind("<KeyRelease>", self._narrow)
        self.entry.bind("<Return>", lambda _: self._choose())
        self.entry.bind("<Escape>", lambda _: self.close())
        self.entry.bind("<Down>", lambda _: self._step(1))
        self.entry.bind("<Up>", lambda _: self._step(-1))
        self.list.bind("<ButtonRelease-1>", lambda _: self._choose())
        self._choices: Sequence[Choice] = ()
        self._shown: Sequence[Choice] = ()
        self._also: Callable[[str], Choice | None] = lambda _typed: None
        self._typed: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is in sight."""
        return bool(self.winfo_manager())

    def open(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        note: str = "",
        also: Callable[[str], Choice | None] = lambda _typed: None,
    ) -> None:
        """Offer these; ``also`` gives one more for what is typed."""
        self.title.configure(text=title)
        self._also = also
        self.entry.delete(0, "end")
        theme = self._theme
        width = theme.px(_WIDTH * theme.size // theme.usual_size)
        width = min(width, self.master.winfo_width() - 2 * theme.px(MARGIN))
        self.place(relx=0.5, rely=0.1, anchor="n", width=width)
        self.lift()
        self.offer(choices, note)
        self.entry.focus_set()

    def offer(self, choices: Sequence[Choice], note: str = "") -> None:
        """Offer these instead, while what is typed stays."""
        self._choices = choices
        self.note.configure(text=note)
        self._typed = None
        self._narrow()

    def close(self) -> str:
        """Go away, and change nothing."""
        if self.is_open:
            self.place_forget()
            self._on_closed()
        return "break"

    def _narrow(self, _event: object = None) -> None:
        typed = self.entry.get().strip()
        if typed == self._typed:
            return
        self._typed = typed
        found = best_matches(typed, self._choices, lambda choice: choice[0])
        more = self._also(typed) if typed else None
        self._shown = [*found, *([more] if more else [])]
        self.list.delete(0, "end")
        self.list.insert("end", *(f"{name}   {rest}".rstrip() for name, rest, _ in self._shown))
        self._select(0)

    def _step(self, by: int) -> str:
        chosen = self.list.curselection()  # type: ignore[no-untyped-call]
        if self._shown:
            self._select(((chosen[0] if chosen else -1) + by) % len(self._shown))
        return "break"

    def _select(self, number: int) -> None:
        self.list.selection_clear(0, "end")
        if self._shown:
            self.list.selection_set(number)
            self.list.see(number)

    def _choose(self) -> str:
        chosen = self.list.curselection()  # type: ignore[no-untyped-call]
        if chosen:
            _name, _rest, action = self._shown[chosen[0]]
            self.close()
            action()
        return "break"
