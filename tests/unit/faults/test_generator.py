"""What clients do is chosen by a seed, and every message can be told from all others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.generator import (
    ACCOUNT_AGENDA,
    FLOOD_CHARS,
    PAUSE,
    WEIGHTS,
    Operation,
    OperationGenerator,
    padded,
    person_of,
    unpadded,
)


def operations(seed: str, count: int, *, flooding: bool = False) -> list[Operation]:
    generator = OperationGenerator("c1", seed)
    return [generator.operation(flooding=flooding) for _ in range(count)]


def test_the_same_seed_gives_the_same_operations_and_another_one_others() -> None:
    assert operations("1", 100) == operations("1", 100) != operations("2", 100)


def test_operations_come_as_often_as_their_weights_say() -> None:
    counts = Counter(operations("1", 10_000))
    for operation, weight in WEIGHTS.items():
        assert counts[operation] == pytest.approx(weight * 100, abs=150)


def test_what_is_on_the_agenda_comes_soon_and_until_it_was_done() -> None:
    generator = OperationGenerator("a1.1", "1", {Operation.SEND: 1}, ACCOUNT_AGENDA)
    assert {generator.operation(flooding=False) for _ in range(100)} >= set(ACCOUNT_AGENDA)
    for operation in ACCOUNT_AGENDA[1:]:
        generator.done(operation)
        generator.done(operation)
    assert generator.agenda == ACCOUNT_AGENDA[:1]
    chosen = {generator.operation(flooding=False) for _ in range(100)}
    assert chosen == {Operation.SEND, ACCOUNT_AGENDA[0]}
    generator.done(ACCOUNT_AGENDA[0])
    assert {generator.operation(flooding=False) for _ in range(100)} == {Operation.SEND}


def test_devices_are_their_accounts_and_nicknames_are_those_of_who_made_them_up() -> None:
    assert {person_of(name) for name in ("a1", "a1-5", "a1.2", "a1.2-7")} == {"a1"}


def test_while_flooding_clients_only_send_and_do_not_pause() -> None:
    assert set(operations("1", 100, flooding=True)) == {Operation.SEND}
    assert OperationGenerator("c1", "1").pause(flooding=True) == 0
    assert PAUSE[0] <= OperationGenerator("c1", "1").pause(flooding=False) <= PAUSE[1]


def test_messages_are_numbered_whatever_they_are_for() -> None:
    generator = OperationGenerator("c1", "1")
    sends = [generator.send(target, 2.0) for target in ("lobby", "c2")]
    assert [(s.number, s.target, s.text) for s in sends] == [
        (1, "lobby", "c1:1"), (2, "c2", "c1:2"),
    ]  # fmt: skip


@given(st.from_regex(r"c\d{1,3}:\d{1,6}", fullmatch=True), st.sampled_from([0, FLOOD_CHARS]))
def test_padding_comes_off_again_unless_the_text_was_cut(text: str, size: int) -> None:
    whole = padded(text, size)
    assert len(whole) == max(size, len(text))
    assert unpadded(whole) == text
    if size:
        assert unpadded(whole[:-1]) == whole[:-1]
