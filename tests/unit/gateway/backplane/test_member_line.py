"""Who somebody is, in one line and back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane import member_line
from gateway.wire import Member, State

NICKS = st.text(st.characters(exclude_characters=" ", exclude_categories=["Cs"]), min_size=1)


@given(nick=NICKS, state=st.sampled_from(get_args(State)), text=st.text())
def test_what_is_written_is_read(nick: str, state: State, text: str) -> None:
    line = member_line.write(nick, state, text)
    assert member_line.read(line) == Member(nick=nick, state=state, text=text)
    assert member_line.nick_of(line) == nick


def test_somebody_without_a_status_is_their_nickname() -> None:
    assert member_line.write("Alice") == "Alice"
    assert member_line.write("Alice", "away") == "Alice away "


@pytest.mark.parametrize("line", ["Alice", "Alice sleeping", "Alice online "])
def test_a_state_of_a_later_version_counts_as_online(line: str) -> None:
    assert member_line.read(line) == Member(nick="Alice")
