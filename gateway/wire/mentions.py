"""Mentions: whether a text speaks to somebody by their nickname. Pure, and linear in the text.

The server counts mentions by this rule, and the client marks them by it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from gateway.wire.text.literal import LiteralParts
from gateway.wire.text.words import (
    find_folded,
    is_mark,
    is_word_character,
    may_share_word,
    visible_after,
    visible_before,
)

_BEFORE: Final = "\\^|-]}"
_BEHIND: Final = "\\^|-[{"
"""Punctuation of nicknames that makes a name part of another one; brackets around it do not."""
_WITHIN: Final = ".@"
"""What joins words to a name or an address, as in ``bob.smith``, where it stands between them."""
_HANGUL: Final = re.compile("[\u1100-\u11ff\uac00-\ud7ff]{1,12}")
_KOREAN_ENDING: Final = re.compile(
    "(?:님|씨)?(?:야|아|이|가|은|는|을|를|과|와|도|만|의|에게|한테|께|랑|이랑|하고)?"
)
"""The titles and particles that Korean writes right behind a name."""


def is_mentioned(nick: str, text: str) -> bool:
    """Return whether a text contains a nickname as a word of its own, outside of code and links.

    Case, width and composition make no difference. What a word is in scripts without spaces, see
    `gateway.wire.text.words.is_word_border`.
    """
    literal: LiteralParts | None = None
    for start, end in find_folded(nick, text):
        if not _goes_on_before(text, start) and not _goes_on_behind(text, end):
            literal = literal or LiteralParts(text)
            if not literal.overlap(start, end):
                return True
    return False


def _goes_on_before(text: str, start: int) -> bool:
    """Return whether a name that begins here is the rest of a longer word."""
    first, before = visible_after(text, start), visible_before(text, start)
    if before and before in _WITHIN:
        before = visible_before(text, start - 1)
        return before.isalpha() and may_share_word(before, first)
    return _is_of_word(before, _BEFORE) and may_share_word(before, first)


def _goes_on_behind(text: str, end: int) -> bool:
    """Return whether a name that ends here is the start of a longer word."""
    last, behind = visible_before(text, end), visible_after(text, end)
    if behind and behind in _WITHIN:
        behind = visible_after(text, end + 1)
        return behind.isalpha() and may_share_word(last, behind)
    if behind and is_mark(behind):
        return True
    if not (_is_of_word(behind, _BEHIND) and may_share_word(last, behind)):
        return False
    rest = _HANGUL.match(text, end)
    return not (rest and _KOREAN_ENDING.fullmatch(unicodedata.normalize("NFC", rest[0])))


def _is_of_word(c: str, joining: str) -> bool:
    return bool(c) and (is_word_character(c) or c in joining)
