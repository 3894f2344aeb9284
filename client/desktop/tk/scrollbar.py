"""A scrollbar that is hidden while there is nothing to scroll."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk


class QuietScrollbar(ttk.Frame):
    """Scrolls a text. Hidden, it keeps its width, so that the text is not wrapped anew."""

    def __init__(self, master: tk.Misc, scrolled: tk.Text) -> None:
        super().__init__(master)
        self._bar = ttk.Scrollbar(self, style="Quiet.TScrollbar", command=scrolled.yview)
        self.configure(width=self._bar.winfo_reqwidth())
        self.pack_propagate(flag=False)

    def set(self, first: float, last: float) -> None:
        """Show which part is in sight; called as a ``yscrollcommand``."""
        self._bar.set(first, last)
        if float(first) <= 0.0 and float(last) >= 1.0:
            self._bar.pack_forget()
        else:
            self._bar.pack(fill="y", expand=True)
