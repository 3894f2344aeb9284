"""A line in pieces, and the words below a message that is not acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.desktop.conversation.line_spans import draft_spans, entry_spans
from client.i18n.texts import speak
from client.model import Draft, Entry, MessageLine


@pytest.fixture(params=["en", "de"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    speak([request.param])
    yield request.param
    speak([])


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (Draft("1", "hi"), {"en": "hi  waiting …", "de": "hi  wartet …"}),
        (
            Draft("1", "hi", uncertain=True),
            {"en": "hi  not confirmed yet …", "de": "hi  noch nicht bestätigt …"},
        ),
        (
            Draft("1", "hi", "why"),
            {
                "en": "hi\nNot sent: why  Try again  Discard",
                "de": "hi\nNicht gesendet: why  Nochmals versuchen  Verwerfen",
            },
        ),
        (
            Draft("1", "hi", "why", uncertain=True),
            {
                "en": "hi\nNot confirmed: why  Try again  Discard",
                "de": "hi\nNicht bestätigt: why  Nochmals versuchen  Verwerfen",
            },
        ),
    ],
)
def test_what_may_have_been_delivered_is_not_called_not_sent(
    language: str, draft: Draft, words: dict[str, str]
) -> None:
    assert "".join(text for text, _ in draft_spans(draft)) == words[language]


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


def test_of_a_message_of_many_rows_the_first_are_shown_and_how_many_follow(language: str) -> None:
    entry = Entry(MessageLine(0, "bob", "\n".join(map(str, range(2048))), "i"), continued=True)
    shown = "".join(text for text, _tags in entry_spans(entry))
    more = {"en": "Show 2,028 more rows", "de": "2,028 weitere Zeilen anzeigen"}
    assert shown.split("\n") == [*map(str, range(20)), more[language]]
    assert [text for text, tags in entry_spans(entry) if "more" in tags] == [more[language]]
    assert shown.count("\n") + 1 == entry.rows
    entry.unfolded = True
    assert "".join(text for text, _tags in entry_spans(entry)) == entry.line.text
