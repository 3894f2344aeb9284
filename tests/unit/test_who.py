"""Who somebody is, in one line and back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import who
from gateway.wire import Member, State

NICKS = st.text(st.characters(exclude_characters=" ", exclude_categories=["Cs"]), min_size=1)


@given(nick=NICKS, state=st.sampled_from(get_args(State)), text=st.text())
def test_what_is_written_is_read(nick: str, state: State, text: str) -> None:
    line = who.write(nick, state, text)
    assert who.read(line) == Member(nick=nick, state=state, text=text)
    assert who.nick_of(line) == nick


def test_somebody_without_a_status_is_their_nickname() -> None:
    assert who.write("Alice") == "Alice"
    assert who.write("Alice", "away") == "Alice away "


@pytest.mark.parametrize("line", ["Alice", "Alice sleeping", "Alice online "])
def test_a_state_of_a_later_version_counts_as_online(line: str) -> None:
    assert who.read(line) == Member(nick="Alice")
