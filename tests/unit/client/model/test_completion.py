"""What helps with typing: what is offered for what is begun, and what was said earlier."""

from __future__ import annotations

import pytest

from client.model import Chat, Completer, ConversationKey, InputHistory, completions

NICKS = ["Carol", "bob", "Bella", "bobby"]


def titles(before: str) -> list[str]:
    return [offer.title for offer in completions(before, NICKS)]


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ("@b", ["bob", "Bella", "bobby"]),
        ("hello @BO", ["bob", "bobby"]),
        ("@bobby", []),
        ("@bob", ["bob", "bobby"]),
        ("mail@b", []),
        ("@", NICKS),
        ("/b", ["/busy [TEXT]", "/back"]),
        ("/BACK", []),
        ("/back ", []),
        ("//b", []),
        ("say /b", []),
        (":tad", [":tada:"]),
        (":t", []),
        ("hello", []),
        ("请@bo", ["bob", "bobby"]),
        ("(@bo", ["bob", "bobby"]),
        ("看\uff20bo", ["bob", "bobby"]),
        ("@\uff42\uff4fb", ["bob", "bobby"]),
        ("`@bo", []),
        ("请:tad", [":tada:"]),
        ("std::tad", []),
    ],
)
def test_what_is_offered(before: str, offered: list[str]) -> None:
    assert titles(before) == offered


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@b", "bob: "),
        ("hello @b", "hello bob "),
        ("/ni", "/nick "),
        ("well :tad", "well \U0001f389"),
    ],
)
def test_what_is_taken_replaces_what_was_begun(before: str, after: str) -> None:
    offer = completions(before, NICKS)[0]
    assert before[: len(before) - offer.replaces] + offer.text == after


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("bo", "bob: "),
        ("hello @bo", "hello bob "),
        ("你好bo", "你好bob "),
        ("你好@bo", "你好bob "),
        ("kebo", "kebo"),
        ("JOSE\u0301", "José: "),
        ("", ""),
        ("hi ", "hi "),
        ("/ni", "/nick "),
        ("/nick bo", "/nick bob "),
        ("no such" * 1000 + " bo", "no such" * 1000 + " bob "),
    ],
)
def test_tab_completes_the_word_before_the_cursor(typed: str, completed: str) -> None:
    assert Completer().complete(typed, len(typed), ["bob", "José"]) == (completed, len(completed))


def test_a_few_are_offered_of_very_many() -> None:
    assert len(completions("@p", [f"person{n}" for n in range(5000)])) <= 10


def test_earlier_and_back_again() -> None:
    recall = InputHistory()
    assert recall.step(1, "") is None
    for text in ("one", "two", "two", "three"):
        recall.remember(text)
    assert [recall.step(1, now) for now in ("", "three", "two", "one")] == [
        "three", "two", "one", None,
    ]  # fmt: skip
    assert [recall.step(-1, now) for now in ("one", "two", "three", "")] == [
        "two", "three", "", None,
    ]  # fmt: skip


def test_what_is_being_typed_is_not_lost() -> None:
    recall = InputHistory()
    recall.remember("one")
    assert recall.step(1, "something new") is None
    assert recall.step(1, "") == "one"
    assert recall.step(1, "one, changed") is None
    recall.remember("one, changed")
    assert recall.step(1, "") == "one, changed"


def test_not_all_is_kept_for_ever() -> None:
    recall = InputHistory()
    for number in range(1000):
        recall.remember(str(number))
    text: str | None = ""
    steps = 0
    while text is not None and (text := recall.step(1, text)) is not None:
        steps += 1
    assert 50 <= steps < 1000


class TestOpenRooms:
    def test_those_of_the_last_visit_with_the_last_one_in_sight(self) -> None:
        chat = Chat()
        chat.open_rooms(["tea", "ops"], None)
        assert [c.name for c in chat.rooms] == ["ops", "tea"]
        assert chat.current is chat.room("ops")

    def test_the_one_that_was_asked_for_comes_first(self) -> None:
        chat = Chat()
        chat.open_rooms(["tea", "ops"], "tea")
        assert [c.name for c in chat.rooms] == ["tea", "ops"]
        assert chat.current is chat.room("tea")

    def test_those_of_a_server_that_was_not_reached_are_gone(self) -> None:
        chat = Chat()
        chat.open_rooms(["tea"], None)
        chat.open_rooms(["ops"], None)
        assert list(chat.conversations) == [ConversationKey("ops")]
