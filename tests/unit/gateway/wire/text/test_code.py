"""Code in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.text.code import ends_in_code, find_code
from tests.unit.steps import is_linear

MARKDOWN = st.text("`a \n\t", max_size=200)


def code(text: str) -> list[str]:
    return [text[start:end] for start, end in find_code(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run `make` and `ls -l`!", ["`make`", "`ls -l`"]),
        ("``a ` b`` c", ["``a ` b``"]),
        ("a ` b", []),
        ("a `` b ` c ` d", ["` c `"]),
        ("` a\nb `", ["` a\nb `"]),
        ("` a\n \nb `", []),
        ("```py\na\n```\nb `c`", ["```py\na\n```", "`c`"]),
        ("a\n  ````\n```\n`b`\n`````  \nc", ["  ````\n```\n`b`\n`````  "]),
        ("```\nnever closed `a`", ["```\nnever closed `a`"]),
        ("```a``` b", ["```a```"]),
        ("```\na\n``` b\nc", ["```\na\n``` b\nc"]),
        ("请`看`吧", ["`看`"]),
    ],
)
def test_it_is_found_as_markdown_has_it(text: str, found: list[str]) -> None:
    assert code(text) == found


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("a `b", True), ("a `b` c", False), ("a ` b\n\nc", False), ("```\na", True),
        ("```\na\n```\n", False), ("a `b ``c`` d", True), ("", False),
    ],
)  # fmt: skip
def test_code_is_known_while_it_is_typed(text: str, is_code: bool) -> None:
    assert ends_in_code(text) is is_code


@given(MARKDOWN)
def test_pieces_are_in_order_and_begin_and_end_with_their_marks(text: str) -> None:
    last = 0
    for start, end in find_code(text):
        assert last <= start < end <= len(text)
        assert text[start:end].strip(" \t").startswith("`")
        last = end


@pytest.mark.parametrize("piece", ["`", "` ", "`a``b", "```\n", "````\n```\n", "\n\n`", " \n \t"])
def test_finding_is_linear(piece: str) -> None:
    assert is_linear(find_code, piece)
    assert is_linear(
        lambda text: find_code("".join("`" * n + " " for n in range(len(text) // 40))), "a" * 40
    )
