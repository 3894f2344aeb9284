"""How good a password is, in words."""

from __future__ import annotations

import pytest
import trio

from client.desktop.control.password_judge import PasswordJudge, PasswordJudgement, judged


@pytest.mark.parametrize(
    ("password", "grade", "text"),
    [
        ("abc", "bad", "9 more characters are needed."),
        ("elevenchars", "bad", "1 more character is needed."),
        ("passwordpassword", "bad", "Very easy to guess."),
        ("lavender tram 41 umbrella", "good", "Very good."),
        ("tab\tin the middle", "bad", "control characters"),
    ],
)
def test_it_is_told_with_its_reasons(password: str, grade: str, text: str) -> None:
    found = judged(password)
    assert found.grade == grade
    assert text in found.text


def test_a_password_of_the_nickname_is_known_for_that() -> None:
    assert "It is made of your nickname." in judged("wolpertinger", "wolpertinger").text


async def test_only_the_latest_is_told() -> None:
    judge = PasswordJudge()
    told: list[PasswordJudgement] = []
    async with trio.open_nursery() as nursery:
        for password in ("abc", "abcd", "lavender tram 41 umbrella"):
            nursery.start_soon(judge.judge, password, "", told.append)
    assert len(told) == 1
