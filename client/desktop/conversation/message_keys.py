"""What keys do in the messages: they scroll, select links and open them, or unfold messages."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from client.desktop.tk.text_tags import tagged_text

_STOPS: Final = ("url", "more")
"""The tags of what the keys can select."""


def bind_keys(
    text: tk.Text, open_link: Callable[[str], None], show_more: Callable[[str], None]
) -> None:
    """Bind arrows to scroll the messages and to select links; Return opens the selected one.

    What shows more of a long message is selected and opened like a link.
    """
    opens = partial(_open_selected, text, open_link, show_more)
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
        start = selected[1] if selected else "@0,0"
        found = min(
            filter(None, (text.tag_nextrange(tag, start) for tag in _STOPS)),
            key=_place,
            default=None,
        )
    else:
        start = selected[0] if selected else f"@{text.winfo_width()},{text.winfo_height()}"
        found = max(
            filter(None, (text.tag_prevrange(tag, start) for tag in _STOPS)),
            key=_place,
            default=None,
        )
    if found:
        text.tag_remove("sel", "1.0", "end")
        text.tag_add("sel", *found)
        text.see(found[0])


def _place(found: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(int, found[0].split(".")))


def _open_selected(
    text: tk.Text, open_link: Callable[[str], None], show_more: Callable[[str], None]
) -> None:
    selected = text.tag_ranges("sel")
    tags = text.tag_names(selected[0]) if selected else ()
    if "url" in tags:
        open_link(tagged_text(text, "url", str(selected[0])))
    elif "more" in tags:
        show_more(str(selected[0]))
