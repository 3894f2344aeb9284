"""Which of two epochs of a log is the later one."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.epochs import continuation, continues, went_back


@given(st.text(alphabet="0123456789abcdef", min_size=1), st.integers(1, 30), st.integers(1, 30))
def test_an_epoch_that_redis_went_back_to_is_told_from_a_later_one(
    root: str, first: int, further: int
) -> None:
    epochs = [root]
    for _ in range(first + further):
        epochs.append(continuation(epochs[-1]))
    early, late = epochs[first - 1], epochs[-1]
    assert continues(early, late)
    assert continues(late, early)
    assert went_back(early, late)
    assert not went_back(late, early)
    assert not went_back(late, late)
    beyond = continuation(early, beyond=late)
    assert not went_back(beyond, late)
    assert not went_back(os.urandom(5).hex(), late)
