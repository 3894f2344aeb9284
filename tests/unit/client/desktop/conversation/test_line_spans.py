"""A line in pieces."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from client.desktop.conversation.line_spans import entry_spans
from client.model import Entry, MessageLine


@given(st.text(alphabet="htps:/.a请。()`\n \u0301😀", max_size=200), st.booleans())
@example("请看https://example.com/a。谢谢", False)
def test_the_pieces_of_a_message_are_its_text(text: str, action: bool) -> None:
    line = MessageLine(0, "bob", text, "m", action=action)
    spans = entry_spans(Entry(line, continued=True))
    said = [piece for piece, tags in spans if not {"actor", "time"} & set(tags)]
    assert "".join(said) == (f" {text}" if action else text)
    assert all(piece for piece in said) or not text


def test_a_link_is_a_piece_of_its_own() -> None:
    line = MessageLine(0, "bob", "请看https://example.com/a。`https://b.example`", "m")
    spans = entry_spans(Entry(line, continued=True))
    assert [piece for piece, tags in spans if "url" in tags] == ["https://example.com/a"]
