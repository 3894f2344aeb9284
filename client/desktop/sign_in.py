"""The page that asks for a nickname."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from client.desktop.theme import GAP, MARGIN, accent, offer
from client.model import SignedOut, SigningIn

_WIDTH = 320


class SignInPage(ttk.Frame):
    """Asks for a nickname, and says in place why one did not do."""

    def __init__(
        self,
        master: tk.Misc,
        place: str,
        *,
        on_submit: Callable[[str], None],
        on_cancel: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._on_submit = on_submit
        card = ttk.Frame(self)
        card.place(relx=0.5, rely=0.26, anchor="n", width=_WIDTH)
        ttk.Label(card, text="Welcome", style="Title.TLabel").pack(anchor="w")
        where = ttk.Label(card, text=place, style="Quiet.TLabel", wraplength=_WIDTH)
        where.pack(anchor="w", pady=(GAP // 2, MARGIN))

        ttk.Label(card, text="Choose a nickname", style="Strong.TLabel").pack(anchor="w")
        self.entry = ttk.Entry(card)
        self.entry.pack(fill="x", pady=(GAP // 2, GAP + 4))
        self.entry.bind("<Return>", self._submit)
        self.entry.bind("<KP_Enter>", self._submit)
        self.problem = ttk.Label(card, style="Error.TLabel", wraplength=_WIDTH)
        self.suggestion = ttk.Button(card)
        offer(self.suggestion)
        self.submit = ttk.Button(card, text="Come in", command=self._submit)
        accent(self.submit)
        self.submit.pack(fill="x")
        self.progress = ttk.Label(card, style="Quiet.TLabel", wraplength=_WIDTH)
        self.cancel = ttk.Button(card, text="Cancel", command=on_cancel)

    def draw(self, state: SignedOut | SigningIn) -> None:
        """Show whether a nickname is asked for or tried, and what was wrong with the last one."""
        for widget in (self.problem, self.suggestion, self.progress, self.cancel):
            widget.pack_forget()
        match state:
            case SigningIn(nick):
                self._try(nick)
            case SignedOut(nick, problem, suggestion):
                self._ask(nick, problem, suggestion)

    def _fill_in(self, nick: str) -> None:
        self.entry.configure(state="normal")
        self.entry.delete(0, "end")
        self.entry.insert(0, nick)

    def _try(self, nick: str) -> None:
        self._fill_in(nick)
        self.entry.configure(state="disabled")
        self.submit.configure(state="disabled")
        self.progress.configure(text=f"Coming in as {nick} \u2026")
        self.progress.pack(fill="x", pady=(GAP, 0))
        self.cancel.pack(fill="x", pady=(GAP, 0))

    def _ask(self, nick: str, problem: str | None, suggestion: str | None) -> None:
        self._fill_in(nick)
        self.submit.configure(state="normal")
        if problem is not None:
            self.problem.configure(text=problem)
            self.problem.pack(before=self.submit, fill="x", pady=(0, GAP))
        if suggestion is not None:
            use = partial(self._on_submit, suggestion)
            self.suggestion.configure(text=f"Use {suggestion}", command=use)
            self.suggestion.pack(before=self.submit, fill="x", pady=(0, GAP))
        self.entry.focus_set()
        self.entry.selection_range(0, "end")

    def _submit(self, _event: object = None) -> None:
        nick = self.entry.get().strip()
        if nick:
            self._on_submit(nick)
