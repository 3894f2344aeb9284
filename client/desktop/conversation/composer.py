"""The input field, with completion, history, and who else is typing."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk
from typing import Final

from client.desktop.conversation.completion_list import CompletionList
from client.desktop.conversation.overflow_bar import OverflowBar
from client.desktop.theme.styles import accent
from client.desktop.theme.theme import GAP, Theme
from client.desktop.widgets.fields import TextField
from client.i18n.texts import N_, _
from client.model import (
    Chat,
    Completer,
    Completion,
    Conversation,
    Offline,
    Overflow,
    SessionOver,
    completions,
)
from client.text.emoji import with_emoji
from gateway import wire

_MOST_ROWS: Final = 6
_SHIFT: Final = 0x1
_PADDING: Final = 10
_INCOMPLETE: Final = N_(
    "Some of the text is missing here. Press Return again to send this part of it."
)


class Composer(ttk.Frame):
    """The input field; it keeps its content per conversation."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        say: Callable[[str], str | None],
        save_overflow: Callable[[Overflow], None],
        note_typing: Callable[[], None],
        scroll: Callable[[int], None],
    ) -> None:
        super().__init__(master)
        self._theme = theme
        self._say, self._note_typing, self._scroll_messages = say, note_typing, scroll
        self._save_overflow = save_overflow
        self.columnconfigure(0, weight=1)
        self.overflow = OverflowBar(
            self, theme, on_save=self._save, on_undo=self._undo, on_drop=self._drop_overflow
        )
        self.hint = ttk.Label(self)
        self.box = ttk.Frame(self, style="Field.TFrame", padding=(theme.px(_PADDING), theme.px(8)))
        self.box.grid(row=2, column=0, sticky="nsew")
        self.text = TextField(
            self.box,
            theme,
            most_bytes=self._most_bytes,
            on_cut=self._keep_rest,
            height=1,
            undo=True,
        )
        self.text.pack(fill="both", expand=True)
        self.invitation = ttk.Label(self.box, style="Invitation.TLabel", cursor="xterm")
        self.send_button = ttk.Button(self, text=_("Send"), command=self._submit)
        accent(self.send_button)
        self.send_button.grid(row=2, column=1, sticky="se", padx=(theme.px(GAP), 0))
        self.typing = ttk.Label(self, style="Quiet.TLabel")
        self.typing.grid(row=3, column=0, columnspan=2, sticky="w", pady=(theme.px(GAP // 2), 0))
        self.completions = CompletionList(master, theme, self._take)
        self._completer = Completer()
        self._chat: Chat | None = None
        self._conversation: Conversation | None = None
        self._problem: str | None = None
        self._problem_with = ""
        self._filled = ""
        """What the program put into the field last; that is not typing."""
        self._unwanted: str | None = None
        """What the field contained when the person dismissed the completions for it."""
        self._bind()

    def _bind(self) -> None:
        text = self.text
        for sequence in ("<Return>", "<KP_Enter>"):
            text.bind(sequence, self._entered)
        text.bind("<Tab>", lambda _: self._complete(backwards=False))
        for sequence in ("<Shift-Tab>", "<ISO_Left_Tab>"):
            text.bind(sequence, lambda _: self._complete(backwards=True))
        text.bind("<Up>", partial(self._step, -1))
        text.bind("<Down>", partial(self._step, 1))
        text.bind("<Escape>", lambda _: self._dismiss_completions())
        text.bind("<Prior>", partial(self._scroll, -1))
        text.bind("<Next>", partial(self._scroll, 1))
        text.bind("<<Modified>>", self._modified)
        text.bind("<<Undo>>", self._undone)
        text.bind("<KeyRelease>", lambda _: self._draw_completions())
        text.bind("<Configure>", lambda _: self._fit())
        text.bind("<FocusIn>", lambda _: self.box.state(["focus"]), add="+")
        text.bind("<FocusOut>", self._left, add="+")
        self.invitation.bind("<Button-1>", lambda _: text.focus_set())

    @property
    def typed(self) -> str:
        """The content of the field."""
        return self.text.get("1.0", "end - 1 chars")

    def draw(self, chat: Chat, conversation: Conversation, now: int) -> None:
        """Bring the field up to date."""
        self._chat = chat
        if conversation is not self._conversation:
            self.save_input()
            self._conversation, self._problem = conversation, None
            self._fill(conversation.input.text, conversation.input.cursor)
            self.text.edit_reset()  # else Ctrl+Z would bring back the text of another one
            self._dismiss_completions()
        invitation = _("Message {place}").format(place=conversation.title)
        self.invitation.configure(text=invitation)
        self._invite()
        self.typing.configure(text=conversation.typists.text(now))
        self._draw_overflow()
        self._draw_hint()

    def save_input(self) -> None:
        """Save the content of the field in its conversation."""
        if self._conversation is not None:
            self._conversation.input.text = self.typed
            self._conversation.input.cursor = self._cursor()

    # --- keys ---------------------------------------------------------------------------------

    def _scroll(self, pages: int, _event: object) -> str:
        self._scroll_messages(pages)
        return "break"

    def _entered(self, event: tk.Event[tk.Text]) -> str | None:
        if int(event.state) & _SHIFT:
            return None  # a new line, as Text does it
        if self.completions.is_open:
            self.completions.take()
        else:
            self._submit()
        return "break"

    def _submit(self) -> None:
        typed = self.typed
        if not typed.strip() or self._warns_of_rest():
            return
        if self._conversation is not None:
            self._conversation.input.history.remember(typed)
        self._fill("", 0)  # first: a command may switch to another conversation
        self._problem, self._problem_with = self._say(with_emoji(typed)), typed
        if self._problem is not None:
            self._fill(typed, len(typed))
        self.text.edit_reset()  # Ctrl+Z does not bring back what was sent
        self._draw_hint()

    def _step(self, by: int, _event: object) -> str | None:
        """Go through the completions or, from an empty field, through what was sent earlier."""
        if self.completions.is_open:
            self.completions.step(by)
            return "break"
        if self._conversation is None or (
            self.text.compare("insert linestart", ">", "1.0")
            if by < 0
            else self.text.compare("insert lineend", "<", "end - 1 chars")
        ):
            return None  # to another line in the field
        recalled = self._conversation.input.history.step(-by, self.typed)
        if recalled is None:
            return None
        self._fill(recalled, len(recalled))
        self._dismiss_completions()
        return "break"

    def _complete(self, *, backwards: bool) -> str:
        if self.completions.is_open and not backwards:
            self.completions.take()
        elif self._conversation is not None and self._chat is not None:
            nicks = self._conversation.likely_nicks(self._chat.nick)
            text, cursor = self._completer.complete(
                self.typed, self._cursor(), nicks, backwards=backwards
            )
            self._fill(text, cursor)
            self._dismiss_completions()
        return "break"

    def _take(self, completion: Completion) -> None:
        self.text.delete(f"insert - {completion.replaces} chars", "insert")
        self.text.insert("insert", completion.text)
        self._dismiss_completions()

    def _dismiss_completions(self) -> str:
        self._unwanted = self.typed
        self.completions.show((), self.box)
        return "break"

    def _left(self, _event: object) -> None:
        self.box.state(["!focus"])
        self.completions.show((), self.box)

    # --- what is typed ------------------------------------------------------------------------

    def _cursor(self) -> int:
        return len(self.text.get("1.0", "insert"))

    def _fill(self, text: str, cursor: int) -> None:
        if text != self.typed:
            self.text.delete("1.0", "end")
            self.text.insert("1.0", text)
        self._filled = text
        self.text.mark_set("insert", f"1.0 + {cursor} chars")

    def _modified(self, _event: object) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)  # noqa: FBT003 - Tk's own way
        typed = self.typed
        if self._problem is not None and typed != self._problem_with:
            self._problem = None
            self._draw_hint()
        if overflow := self._overflow:
            overflow.follow(typed)
        self._draw_overflow()
        if typed.strip() and typed != self._filled and not typed.startswith("/"):
            self._note_typing()
        self._invite()
        self._draw_completions()
        self._fit()

    def _draw_completions(self) -> None:
        typed = self.typed
        if self._conversation is None or self._chat is None or typed == self._unwanted:
            return
        self._unwanted = None
        nicks = self._conversation.likely_nicks(self._chat.nick)
        self.completions.show(completions(self.text.get("1.0", "insert"), nicks), self.box)

    # --- what does not fit --------------------------------------------------------------------

    def _keep_rest(self, kept: str, lost: str) -> None:
        """Keep what did not fit, and offer to save it."""
        if self._conversation is None:
            return
        state = self._conversation.input
        if state.overflow is None or state.overflow.is_undone or state.overflow.saved_as:
            state.overflow = Overflow()
        state.overflow.add(kept, lost, self.typed)
        self._draw_overflow()

    def _warns_of_rest(self) -> bool:
        """Return whether the person is told now, and was not before, that this is not all."""
        overflow = self._overflow
        if overflow is None or overflow.is_noticed or overflow.is_undone:
            return False
        overflow.is_noticed = True
        self._problem, self._problem_with = _(_INCOMPLETE), self.typed
        self._draw_hint()
        return True

    def _most_bytes(self) -> int:
        return self._chat.most_text_bytes if self._chat is not None else wire.MAX_TEXT_BYTES

    def _save(self) -> None:
        if self._overflow is not None:
            self._save_overflow(self._overflow)
        self.text.focus_set()

    def _undo(self) -> None:
        self.text.event_generate("<<Undo>>")
        self.text.focus_set()

    def _undone(self, _event: object) -> None:
        if overflow := self._overflow:
            overflow.undo(self.typed)

    def _drop_overflow(self) -> None:
        if self._conversation is not None:
            self._conversation.input.overflow = None
        self._draw_overflow()
        self.text.focus_set()

    @property
    def _overflow(self) -> Overflow | None:
        return self._conversation.input.overflow if self._conversation is not None else None

    def _draw_overflow(self) -> None:
        overflow, typed = self._overflow, self.typed
        if overflow is None or overflow.is_undone:
            self.overflow.grid_remove()
        else:
            self.overflow.draw(overflow, can_undo=overflow.can_undo(typed))
            self.overflow.grid(row=0, column=0, columnspan=2, sticky="ew")

    # ------------------------------------------------------------------------------------------

    def _invite(self) -> None:
        """Show what the field is for while it is empty."""
        if self.typed:
            self.invitation.place_forget()
        elif not self.invitation.winfo_manager():
            self.invitation.place(in_=self.text, x=self._theme.px(2), y=0)

    def _fit(self) -> None:
        """Make the field as high as its content, up to a bound."""
        rows = int(self.text.index("end - 1 chars").split(".")[0])
        if rows < _MOST_ROWS:  # else the wrapped ones, which take their time, need no counting
            rows = int(self.text.tk.call(str(self.text), "count", "-displaylines", "1.0", "end"))
        height = max(1, min(_MOST_ROWS, rows))
        if int(str(self.text.cget("height"))) != height:
            self.text.configure(height=height)
            self.text.see("insert")

    def _draw_hint(self) -> None:
        connection = self._chat.connection if self._chat is not None else None
        if self._problem is not None:
            self.hint.configure(text=self._problem, style="Error.TLabel")
        elif isinstance(connection, Offline):
            text = _("Not connected. What you send now waits until you are again.")
            self.hint.configure(text=text, style="Warning.TLabel")
        elif isinstance(connection, SessionOver):
            text = _("Signed out. What you send now waits until you come in again.")
            self.hint.configure(text=text, style="Warning.TLabel")
        else:
            self.hint.grid_remove()
            return
        self.hint.configure(wraplength=max(self.winfo_width(), 200))
        self.hint.grid(
            row=1, column=0, columnspan=2, sticky="w", pady=(0, self._theme.px(GAP // 2))
        )
