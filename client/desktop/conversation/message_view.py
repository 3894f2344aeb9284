"""The widget that shows a conversation: its lines, and below them what is not sent yet."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.conversation.gutter import Gutter
from client.desktop.conversation.line_renderer import LineRenderer
from client.desktop.conversation.line_spans import clock
from client.desktop.conversation.line_tags import dress_lines
from client.desktop.conversation.message_clicks import MessageActions, bind_clicks
from client.desktop.conversation.message_keys import bind_keys
from client.desktop.conversation.search_marks import SearchMarks
from client.desktop.theme.styles import offer
from client.desktop.theme.theme import MARGIN, Theme
from client.desktop.tk.focus_ring import FocusRing
from client.desktop.tk.scroll_text import ScrollText
from client.desktop.tk.scrollbar import QuietScrollbar
from client.desktop.widgets.clipboard_menu import offer_clipboard
from client.i18n.texts import _, ngettext
from client.model import Conversation, Draft, Entry

_NEAR_TOP: Final = 0.02
"""The part of the text above what is in sight from which on older lines are added."""


class MessageView(ttk.Frame):
    """Shows the newest lines of a `Conversation`, and older ones as the reader scrolls up.

    It is the `client.model.Viewport` of the conversation's `ViewState`: that is saved when the
    reader scrolls, and restored after everything else that moves the text.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        actions: MessageActions,
        open_link: Callable[[str], None],
    ) -> None:
        super().__init__(master)
        self._theme, self._actions = theme, actions
        self.text = ScrollText(self, self._scrolled)
        self.text.configure(state="disabled", cursor="arrow", width=1, height=1)
        dress_lines(self.text, theme)
        self._scrollbar = QuietScrollbar(self, self.text)
        self.text.configure(yscrollcommand=self._moved)
        self.gutter = Gutter(self, theme, self.text, actions.talk_to)
        self._scrollbar.pack(side="right", fill="y")
        self.gutter.pack(side="left", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.newest = ttk.Button(self, command=self.go_to_end, takefocus=False)
        offer(self.newest)
        self.empty = ttk.Label(self, style="Quiet.TLabel", justify="center")
        self.text.bind("<Button-1>", lambda _: self.text.focus_set())
        self.text.bind("<Configure>", lambda _: self._laid_out())
        self.text.bind("<<WidgetViewSync>>", lambda _: self._laid_out())
        self.text.bind("<Motion>", self._pointed)
        self.text.bind("<Leave>", lambda _: self.gutter.show_time(None))
        bind_clicks(self.text, actions, open_link, self._show_more)
        bind_keys(self.text, open_link, self._show_more)
        self.focus_ring = FocusRing(self, self.text, theme.px(2))
        offer_clipboard(self.text, theme)

        self._conversation: Conversation | None = None
        self._lines = LineRenderer(self.text)
        self._marks = SearchMarks(self.text, self._lines.rendered)
        self._me = ""
        self._rewrites = 0
        self._drawn: object = None
        self._pointed_at = ""
        theme.dress(self, self._lay_out_soon)

    def draw(self, conversation: Conversation, me: str) -> None:
        """Bring the widget up to date, all at once; ``me`` is the sender of the drafts."""
        self._me = me
        drafts, changes = tuple(conversation.drafts.values()), conversation.transcript.changes
        drawn = (conversation, changes, drafts, conversation.unread_from)
        if drawn != self._drawn:
            self._drawn = drawn
            self._redraw(conversation, drafts)
        self._offer_end()
        self._add_older_at_top()
        self._fill_empty(conversation)

    def show(self, entry: Entry) -> None:
        """Scroll so that an entry is at the top."""
        self.show_entry(entry, 0)
        self._scrolled()

    def go_to_end(self) -> None:
        """Scroll to the newest line."""
        self.text.show_end()
        self._scrolled()

    def mark(self, entries: Sequence[Entry], words: str, current: Entry | None) -> None:
        """Mark what was found, and scroll to where it is in the ``current`` entry."""
        if current is not None:
            self._unfold(current)
            row = self._row_of(current)
            self.text.see(f"{row}.0" if row is not None else "1.0")
        self._marks.mark(entries, words, current)
        if current is not None and (marked := self.text.tag_ranges("current")):
            self.text.see(marked[0])  # far down in the line, maybe

    def scroll(self, pages: int) -> None:
        """Scroll by some pages, whatever has the focus."""
        self.text.yview_scroll(pages, "pages")

    # --- what is drawn ------------------------------------------------------------------------

    def _redraw(self, conversation: Conversation, drafts: Sequence[Draft]) -> None:
        view, rewrites = conversation.view, conversation.transcript.rewrites
        is_same = conversation is self._conversation
        if is_same and view.entry is not None and view.entry.gone:
            view.save(self)  # what stays of what is in sight
        self.text.configure(state="normal")
        if not is_same or rewrites != self._rewrites:
            self._lines.clear()
        self._conversation, self._rewrites = conversation, rewrites
        self._lines.update(conversation, drafts, self._me)
        self.text.configure(state="disabled")
        view.restore(self)
        self.gutter.draw_soon()

    def _show_more(self, place: str) -> None:
        """Show all of the long message at a place, and leave its beginning where it is."""
        entry = self._lines.rendered.entry_at(int(self.text.index(place).split(".")[0]))
        row = self._row_of(entry) if entry is not None else None
        if entry is None or row is None or self._conversation is None:
            return
        view = self._conversation.view
        view.entry, view.offset = entry, self.text.top_of(row)
        self._unfold(entry)
        self._scrolled()

    def _unfold(self, entry: Entry) -> None:
        if (conversation := self._conversation) is not None and entry.is_folded:
            conversation.transcript.unfold(entry)
            self._redraw(conversation, tuple(conversation.drafts.values()))

    def _add_older(self, conversation: Conversation, *, whole: bool = False) -> None:
        """Draw more lines above the first one."""
        self.text.configure(state="normal")
        self._lines.add_older(conversation.transcript.entries, whole=whole)
        self.text.configure(state="disabled")

    def _add_older_at_top(self) -> None:
        """Draw older lines, or ask for them, if the reader has come to the first one."""
        conversation, rendered = self._conversation, self._lines.rendered
        if conversation is None or not rendered or conversation.view.at_end:
            return
        if self.text.yview()[0] > _NEAR_TOP:
            return
        if rendered[0].entry is not conversation.transcript.entries[0]:
            self._add_older(conversation)
            conversation.view.restore(self)
        elif conversation.may_load_older:
            self._actions.load_older()

    def _fill_empty(self, conversation: Conversation) -> None:
        """Show a text of explanation in a conversation that has no lines yet."""
        if not conversation.was_joined or conversation.transcript.entries or conversation.drafts:
            self.empty.place_forget()
            return
        text = _("Nobody has said anything here yet.")
        if conversation.is_direct:
            text = _("What is said here, only you and {nick} can read.")
            text = text.format(nick=conversation.title)
        width = self.text.winfo_width() - 2 * self._theme.px(MARGIN)
        self.empty.configure(text=text, wraplength=max(width, 1))
        self.empty.place(in_=self.text, relx=0.5, rely=0.5, anchor="center")

    def _offer_end(self) -> None:
        """Offer to go to the newest line, and count the unread ones, while it is out of sight."""
        if self._conversation is None or self._conversation.view.at_end:
            self.newest.place_forget()
            return
        unread = self._conversation.unread
        text = ngettext("\u2193 {count:,} new", "\u2193 {count:,} new", unread)
        self.newest.configure(text=text.format(count=unread) if unread else _("\u2193 Newest"))
        if not self.newest.winfo_manager():
            edge = -self._theme.px(MARGIN)
            self.newest.place(in_=self.text, relx=1.0, rely=1.0, x=edge, y=edge, anchor="se")

    # --- what is in sight: the Viewport of a ViewState ----------------------------------------

    def position(self) -> tuple[Entry, int] | None:
        """Return the first entry in sight that is not gone, and its offset; None at the end."""
        rendered = self._lines.rendered
        if not rendered or self.text.end_is_in_sight:
            return None
        first = int(self.text.index("@0,0").split(".")[0])
        for row, line in rendered.between(first):
            if not line.entry.gone:
                return line.entry, self.text.top_of(row + line.has_mark)
        entry = rendered[-1].entry  # drafts fill all that is in sight
        start = self._row_of(entry)
        return (entry, self.text.top_of(start)) if start is not None else None

    def show_entry(self, entry: Entry, offset: int) -> None:
        """Scroll so that an entry, below its mark of what is unread, starts at this offset."""
        row = self._row_of(entry)
        if row is not None:
            self.text.show_row_at(row, offset)

    def show_end(self) -> None:
        """Scroll to the end."""
        self.text.show_end()

    def _row_of(self, entry: Entry) -> int | None:
        """Return the row of an entry, which is drawn if it was not; None if it is gone."""
        rendered, conversation = self._lines.rendered, self._conversation
        found = rendered.find(entry)
        if found is None and rendered and conversation is not None and not entry.gone:
            self._add_older(conversation, whole=True)
            found = rendered.find(entry)
        return found[0] + found[1].has_mark if found is not None else None

    def _scrolled(self) -> None:
        """Note where the reader has scrolled to."""
        if self._conversation is None:
            return
        self._conversation.view.save(self)
        self._offer_end()
        if self._conversation.view.at_end and self._conversation.unread:
            self._actions.note_end()

    def _lay_out_soon(self) -> None:
        self.after_idle(self._laid_out)

    def _laid_out(self) -> None:
        """Keep the end in sight when the text has another size; Tk keeps the first line itself."""
        conversation = self._conversation
        if conversation is None:
            return
        if conversation.view.at_end:
            self.text.show_end()
        else:
            self._scrolled()
        self._fill_empty(conversation)

    def _moved(self, first: float, last: float) -> None:
        """Update all that depends on what is in sight; this is the text's ``yscrollcommand``."""
        self._scrollbar.set(first, last)
        self.gutter.draw_soon()
        self._marks.draw_soon()
        if float(first) <= _NEAR_TOP:
            self.after_idle(self._add_older_at_top)

    def _pointed(self, event: tk.Event[tk.Misc]) -> None:
        """Show the time of a message without a head of its own beside it."""
        place = self.text.index(f"@{event.x},{event.y} linestart")
        if place == self._pointed_at:
            return
        self._pointed_at = place
        entry = self._lines.rendered.entry_at(int(place.split(".")[0]))
        is_told = entry is not None and entry.continued
        self.gutter.show_time(place if is_told else None, clock(entry.line.at) if entry else "")
