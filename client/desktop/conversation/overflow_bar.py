"""The bar above the input field about what did not fit into it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from client.desktop.theme.styles import offer, quieten
from client.desktop.theme.theme import GAP, Theme
from client.i18n.texts import _
from client.model import Overflow


class OverflowBar(ttk.Frame):
    """Says how much did not fit, and offers to save it, to undo, and to drop it."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_save: Callable[[], None],
        on_undo: Callable[[], None],
        on_drop: Callable[[], None],
    ) -> None:
        super().__init__(master)
        gap = theme.px(GAP)
        self.label = ttk.Label(self, style="Warning.TLabel")
        self.label.pack(anchor="w", pady=(0, gap // 2))
        buttons = ttk.Frame(self)
        buttons.pack(anchor="w", pady=(0, gap // 2))
        self._save = ttk.Button(buttons, text=_("Save the rest as a file"), command=on_save)
        self._undo = ttk.Button(buttons, text=_("Undo"), command=on_undo)
        self._drop = ttk.Button(buttons, command=on_drop)
        for button in (self._save, self._undo):
            offer(button)
        quieten(self._drop)
        self._gap = gap
        self._offered: Sequence[ttk.Button] = ()
        self._placed: object = None
        self.bind("<Configure>", lambda _: self._fit())
        theme.dress(self, self._fit_soon)

    def draw(self, overflow: Overflow, *, can_undo: bool) -> None:
        """Show the state of what did not fit."""
        is_saved = overflow.saved_as is not None
        self._drop.configure(text=_("Close") if is_saved else _("Drop the rest"))
        offered = [] if is_saved else [self._save, *([self._undo] if can_undo else [])]
        self._offered = [*offered, self._drop]
        style = "Quiet" if is_saved else "Error" if overflow.problem else "Warning"
        self.label.configure(text=_text(overflow), style=f"{style}.TLabel")
        self._fit()

    def _fit_soon(self) -> None:
        self.after_idle(self._fit)

    def _fit(self) -> None:
        """Wrap the text, and place the buttons side by side if there is room for them."""
        width = max(self.master.winfo_width(), 200)
        self.label.configure(wraplength=width)
        needed = sum(button.winfo_reqwidth() + self._gap for button in self._offered) - self._gap
        placed = (self._offered, needed <= width)
        if placed == self._placed:
            return
        self._placed = placed
        for button in (self._save, self._undo, self._drop):
            button.pack_forget()
        for button in self._offered:
            if needed <= width:
                button.pack(side="left", padx=(0, 0 if button is self._drop else self._gap))
            else:
                button.pack(anchor="w", pady=(0, self._gap // 2))


def _text(overflow: Overflow) -> str:
    if overflow.saved_as is not None:
        return _("Saved as {path}").format(path=overflow.saved_as)
    if overflow.problem is not None:
        return _("The rest could not be saved: {reason}").format(reason=overflow.problem)
    text = _("Too long for one message: {size:,} bytes did not fit, and are not sent.")
    if not overflow.is_complete:
        text = _("Far too long: of what did not fit, only {size:,} bytes are kept.")
    return text.format(size=overflow.size)
