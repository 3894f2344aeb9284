"""A text widget that reports when the reader scrolls it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Final

_WATCHED: Final = """
proc {%(path)s} {args} {
    set result [uplevel 1 [linsert $args 0 {%(command)s}]]
    set word [lindex $args 0]
    if {$word eq "see" || (($word eq "yview" || $word eq "scan") && [llength $args] > 1)} {
        {%(on_scroll)s}
    }
    return $result
}
"""


class ScrollText(tk.Text):
    """A text that calls ``on_scroll`` after the reader has scrolled it, and only then.

    Tk runs ``yscrollcommand`` for anything that moves the text: the reader, an insertion, another
    size of window or font. Keys, mouse and scrollbar scroll by the widget's command (``yview``,
    ``see`` or ``scan``), so that is what is watched. The program scrolls by the methods of this
    class, which are not reported.
    """

    def __init__(self, master: tk.Misc, on_scroll: Callable[[], object]) -> None:
        super().__init__(master)
        path = str(self)
        self._command = f"{path}.unwatched"
        names = {"path": path, "command": self._command, "on_scroll": self.register(on_scroll)}
        self.tk.call("rename", path, self._command)
        self.tk.eval(_WATCHED % names)

    def show_row_at(self, row: int, top: int) -> None:
        """Scroll so that a row starts ``top`` pixels below the upper edge, as far as possible."""
        self.tk.call(self._command, "yview", f"{row}.0")
        self.tk.call(self._command, "yview", "scroll", self.top_of(row) - top, "pixels")

    def show_end(self) -> None:
        """Scroll to the end."""
        self.tk.call(self._command, "see", "end")

    @property
    def end_is_in_sight(self) -> bool:
        """Whether the end of the text is in sight, whatever is not laid out yet further up."""
        return self.dlineinfo("end - 1 chars") is not None

    def top_of(self, row: int) -> int:
        """Return how many pixels below the upper edge a row starts; negative if above it."""
        if (box := self.dlineinfo(f"{row}.0")) is not None:
            return box[1]
        first = self.dlineinfo("@0,0")
        between = self.tk.call(self._command, "count", "-update", "-ypixels", "@0,0", f"{row}.0")
        return (first[1] if first is not None else 0) + int(between)
