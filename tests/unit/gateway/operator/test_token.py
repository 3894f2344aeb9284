"""The operator's token: which file has one, and that wrong ones are throttled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from trio.testing import MockClock

from gateway.operator.token import FAILURES_AT_ONCE, BadToken, OperatorToken, read_token

TOKEN: Final = "kW3nq0bZ5JtYx1cR8e2Pzu"  # noqa: S105


def written(folder: Path, content: bytes | str = TOKEN, mode: int = 0o600) -> str:
    path = folder / "token"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f"  {TOKEN}\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_token_is_read_without_the_white_space_around_it(
    tmp_path: Path, content: str, mode: int
) -> None:
    assert read_token(written(tmp_path, content, mode)) == TOKEN.encode()


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("", 0o600, "too easy to guess"),
        (TOKEN[:-1], 0o600, "at least 22 characters"),
        ("ab" * 20, 0o600, "10 of them different"),
        (f"{TOKEN} {TOKEN}", 0o600, "other than visible ones"),
        (f"{TOKEN}é", 0o600, "other than visible ones"),
        (b"\xff\0" * 20, 0o600, "other than visible ones"),
        ("x" * 2000, 0o600, "more than 1024 bytes"),
        (TOKEN, 0o644, "(mode 0644): chmod it"),
        (TOKEN, 0o602, "(mode 0602): chmod it"),
        (TOKEN, 0o660, "(mode 0660): chmod it"),
    ],
)
def test_a_file_without_a_usable_token_is_refused_in_one_line(
    tmp_path: Path, content: bytes | str, mode: int, says: str
) -> None:
    with pytest.raises(BadToken) as caught:
        read_token(written(tmp_path, content, mode))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", ".", "a\0b", "x" * 5000])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadToken) as caught:
        read_token(os.path.join(tmp_path, name))  # noqa: PTH118 - pathlib normalises it
    assert len(str(caught.value)) < 600


async def test_only_the_token_is_accepted_and_another_after_a_reload(tmp_path: Path) -> None:
    token = OperatorToken(written(tmp_path))
    assert token.accepts(TOKEN.encode())
    assert not any(map(token.accepts, (b"", TOKEN[:-1].encode(), f"{TOKEN}x".encode(), b"\xff")))
    written(tmp_path, TOKEN[::-1])
    token.reload()
    assert (token.accepts(TOKEN.encode()), token.accepts(TOKEN[::-1].encode())) == (False, True)
    written(tmp_path, "short")
    with pytest.raises(BadToken):
        token.reload()
    assert token.accepts(TOKEN[::-1].encode())


async def test_wrong_tokens_are_throttled(tmp_path: Path, mock_clock: MockClock) -> None:
    token = OperatorToken(written(tmp_path))
    assert [token.failed() for _ in range(FAILURES_AT_ONCE)] == [0.0] * FAILURES_AT_ONCE
    wait = token.failed()
    assert wait > 0
    mock_clock.jump(wait)
    assert token.failed() == 0.0
