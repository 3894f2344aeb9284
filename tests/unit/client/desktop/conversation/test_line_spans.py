"""The words below a message that is not acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from client.desktop.conversation.line_spans import draft_spans
from client.i18n.texts import speak
from client.model import Draft


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
