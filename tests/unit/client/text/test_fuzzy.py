"""Finding a name by a few of its letters."""

from __future__ import annotations

from client.text.fuzzy import best_matches

ROOMS = ["#lobby", "#tea-room", "#team", "alice", "#release-engineering", "Bob the Builder"]


def found(typed: str) -> list[str]:
    return best_matches(typed, ROOMS, str)


def test_nothing_typed_leaves_all_as_they_are() -> None:
    assert found("") == found("  ") == ROOMS


def test_only_names_with_all_the_letters_in_order_fit() -> None:
    assert found("lby") == ["#lobby"]
    assert found("ybl") == []


def test_a_piece_comes_before_scattered_letters_and_a_beginning_before_a_middle() -> None:
    assert found("tea") == ["#team", "#tea-room"]
    assert found("am") == ["#team", "#tea-room"]
    assert found("room") == ["#tea-room"]
    assert found("bb")[0] == "#lobby"


def test_initials_find_it_and_so_does_any_case() -> None:
    assert found("BtB") == ["Bob the Builder"]
    assert found("tr")[0] == "#tea-room"
    assert found("r eng") == ["#release-engineering"]
