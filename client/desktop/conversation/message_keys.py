"""What keys do in the messages: they scroll, select links and open them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

from client.desktop.conversation.message_clicks import MessageActions
from client.desktop.tk.text_tags import tagged_text


def bind_keys(text: tk.Text, actions: MessageActions) -> None:
    """Bind arrows to scroll the messages and to select links; Return opens the selected one."""
    opens = partial(_open_selected, text, actions)
    for key, act in (
        ("<Left>", partial(_select, text, -1)),
        ("<Right>", partial(_select, text, 1)),
        ("<Return>", opens),
        ("<KP_Enter>", opens),
        ("<Up>", partial(text.yview_scroll, -1, "units")),
        ("<Down>", partial(text.yview_scroll, 1, "units")),
        ("<Home>", partial(text.yview_moveto, 0.0)),
        ("<End>", partial(text.yview_moveto, 1.0)),
    ):
        text.bind(key, partial(_only, act))
        text.bind(f"<Shift-{key[1:]}", lambda _: None)  # to the widget's own: it selects


def _only(act: Callable[[], object], _event: object) -> str:
    act()
    return "break"


def _select(text: tk.Text, by: int) -> None:
    """Select the next link or the one before; if none is selected, one in sight."""
    selected = text.tag_ranges("sel")
    if by > 0:
        found = text.tag_nextrange("url", selected[1] if selected else "@0,0")
    else:
        bottom = f"@{text.winfo_width()},{text.winfo_height()}"
        found = text.tag_prevrange("url", selected[0] if selected else bottom)
    if found:
        text.tag_remove("sel", "1.0", "end")
        text.tag_add("sel", *found)
        text.see(found[0])


def _open_selected(text: tk.Text, actions: MessageActions) -> None:
    selected = text.tag_ranges("sel")
    if selected and "url" in text.tag_names(selected[0]):
        actions.open_link(tagged_text(text, "url", str(selected[0])))
