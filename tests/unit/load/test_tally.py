"""Messages that are lost, doubled or out of order are counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.load.generator.tally import SequenceChecker, settle


@pytest.mark.parametrize(
    ("seqs", "lost", "duplicated", "reordered"),
    [
        ([5, 6, 7], 0, 0, 0),
        ([5, 7, 8], 1, 0, 0),
        ([5, 6, 6, 7], 0, 1, 0),
        ([5, 7, 6, 8], 1, 0, 1),
        ([5, 100], 94, 0, 0),
    ],
)
def test_faults_in_an_order_are_found(
    seqs: list[int], lost: int, duplicated: int, reordered: int
) -> None:
    sequences = SequenceChecker()
    for seq in seqs:
        sequences.add(b"r", seq)
        sequences.add(b"another", seq - seqs[0] + 1 if seq == seqs[0] else 2)
    assert sequences.lost == lost
    assert sequences.reordered == reordered
    assert sequences.duplicated - (len(seqs) - 2) == duplicated


@pytest.mark.parametrize(
    ("heard", "lost", "duplicated"),
    [
        ([[10, 3]], 0, 0),
        ([[10, 2], [9, 1]], 1, 0),
        ([[10, 2], [12, 1]], 0, 1),
        ([[11, 3]], 0, 0),
        ([[0, 3]], 30, 0),
    ],
)
def test_counts_are_settled_over_all_generators(
    heard: list[list[int]], lost: int, duplicated: int
) -> None:
    """Eleven were sent and ten acknowledged: one more may have come, two more may not."""
    parts: list[dict[str, dict[str, Any]]] = [
        {"r": {"sent": 4, "acked": 4, "heard": heard}},
        {"r": {"sent": 7, "acked": 6, "heard": [[10, 1]]}},
    ]
    found = settle(parts)
    assert (found["lost"], found["duplicated"], found["expected"]) == (lost, duplicated, 40)
