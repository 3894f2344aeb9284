"""How each tag of `line_spans` looks: fonts, colours, margins and spacing."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from typing import Any

from client.desktop.theme.theme import GAP, MARGIN, Theme


def dress_lines(text: tk.Text, theme: Theme) -> None:
    """Dress a text that shows a conversation, now and after each change of the theme."""

    def dress() -> None:
        theme.dress_text(text)
        # All that is shown has a tag. So the empty line behind the last one can be tiny.
        text.configure(font=theme.tiny)
        for name, looks in _looks(theme).items():
            text.tag_configure(name, looks)
        for number, colour in enumerate(theme.palette.senders):
            text.tag_configure(f"sender-{number}", font=theme.bold, foreground=colour)
        text.tag_raise("sel")

    theme.dress(text, dress)


def _looks(theme: Theme) -> Mapping[str, dict[str, Any]]:
    """Return the options of each tag; where two apply, the later one counts."""
    palette, px = theme.palette, theme.px
    row = {
        "lmargin1": px(GAP), "lmargin2": px(GAP), "rmargin": px(MARGIN),
        "spacing1": px(2), "spacing2": px(2), "spacing3": px(2),
    }  # fmt: skip
    quiet = {"font": theme.small, "foreground": palette.quiet}
    ground = palette.mention
    return {
        "line": row | {"font": theme.body},
        "mention": row | {"font": theme.body, "background": ground, "lmargincolor": ground,
                          "rmargincolor": ground, "spacing3": px(6)},
        "told": row | quiet,
        "warning": row | {"font": theme.small, "foreground": palette.warning},
        "head": {"spacing1": px(GAP + 4), "spacing3": px(2)},
        "below-band": {"spacing1": px(GAP + 4)},
        "above-band": {"spacing3": px(GAP)},
        "time": quiet,
        "action": {"font": theme.italic},
        "url": {"foreground": palette.link},
        "centred": {"justify": "center", "spacing1": px(MARGIN), "spacing3": px(GAP)},
        "unread": {"font": theme.small_bold, "foreground": palette.error, "justify": "center",
                   "spacing1": px(GAP), "spacing3": px(GAP)},
        "day": quiet,
        "rule": {"font": theme.small, "foreground": palette.line},
        "found": {"background": palette.selection},
        "current": {"background": palette.accent, "foreground": palette.on_accent},
        "draft": {"foreground": palette.quiet},
        "erased": {"foreground": palette.quiet},
        "refusal": {"font": theme.small, "foreground": palette.error},
        "link": {"font": theme.small, "foreground": palette.link},
        "pointed": {"underline": True},
    }  # fmt: skip
