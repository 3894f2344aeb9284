"""Which part of a conversation the reader has in sight.

It changes when the reader scrolls, and only then: whatever else moves the text (new messages, older
ones loaded above, another size of window or font, another conversation in between) ends with
`ViewState.restore`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from client.model.transcript import Entry


class Viewport(Protocol):
    """The widget that shows a conversation, as far as a `ViewState` needs it."""

    def position(self) -> tuple[Entry, int] | None:
        """Return the first entry in sight and its offset; None if the end is in sight.

        Entries that are gone are skipped. The offset is in pixels from the top of the viewport
        down to the start of the entry; it is negative if the entry starts above that.
        """

    def show_entry(self, entry: Entry, offset: int) -> None:
        """Scroll so that an entry has this offset, or as near to it as the text reaches."""

    def show_end(self) -> None:
        """Scroll to the end."""


@dataclass
class ViewState:
    """The first entry in sight and its offset in pixels, or the end of the conversation."""

    entry: Entry | None = None
    """None at the end, where the reader sees new messages as they come."""
    offset: int = 0

    @property
    def at_end(self) -> bool:
        """Whether the reader is at the end."""
        return self.entry is None

    def go_to_end(self) -> None:
        """Note that the reader is at the end, without scrolling."""
        self.entry, self.offset = None, 0

    def save(self, viewport: Viewport) -> None:
        """Take over what is in sight now."""
        self.entry, self.offset = viewport.position() or (None, 0)

    def restore(self, viewport: Viewport) -> None:
        """Scroll to the part that was saved; to the end if its entry is gone."""
        if self.entry is None or self.entry.gone:
            self.go_to_end()
            viewport.show_end()
        else:
            viewport.show_entry(self.entry, self.offset)
