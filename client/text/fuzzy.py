"""Fuzzy matching: finding names by a few of their letters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.wire.text.words import fold

T = TypeVar("T")


def best_matches(typed: str, choices: Iterable[T], name: Callable[[T], str]) -> list[T]:
    """Return the choices whose names contain all typed letters in order, best match first.

    Letters that begin a word or follow each other count most, then short names. Equal choices keep
    their order, and so do all of them if nothing is typed.
    """
    wanted = "".join(fold(typed).split())
    scored = [(_score(wanted, name(choice)), choice) for choice in choices]
    fitting = [(score, choice) for score, choice in scored if score is not None]
    fitting.sort(key=lambda pair: -pair[0])
    return [choice for _, choice in fitting]


def _score(wanted: str, name: str) -> float | None:
    """Return how well a name matches; None if it does not."""
    folded = fold(name)
    if not wanted:
        return 0.0
    found = folded.find(wanted)
    if found >= 0:  # in one piece is best, at the start of a word better still
        return 1000.0 + 500.0 * _begins_word(folded, found) - found - len(folded) / 100
    score, place = 0.0, -1
    for letter in wanted:
        before, place = place, folded.find(letter, place + 1)
        if place < 0:
            return None
        score += 10.0 * (place == before + 1) + 8.0 * _begins_word(folded, place) + 1.0
    return score - len(folded) / 100


def _begins_word(text: str, place: int) -> bool:
    return place == 0 or not text[place - 1].isalnum()
