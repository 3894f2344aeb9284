"""Who somebody is, in one line and back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.backplane import member_line
from gateway.wire import Member, State

NICKS = st.text(st.characters(exclude_characters=" ", exclude_categories=["Cs"]), min_size=1)


@given(nick=NICKS, state=st.sampled_from(get_args(State)), text=st.text(), registered=st.booleans())
def test_what_is_written_is_read(nick: str, state: State, text: str, registered: bool) -> None:
    line = member_line.write(nick, state, text, registered=registered)
    written = Member(nick=nick, state=state, text=text, registered=registered)
    assert member_line.read(line) == written
    assert member_line.nick_of(line) == nick
    assert member_line.is_registered(line) == registered
    assert not member_line.is_idle(line)
    assert member_line.read(member_line.renamed(line, "x")) == replace(written, nick="x")


@given(nick=NICKS, state=st.sampled_from(get_args(State)), text=st.text(), registered=st.booleans())
def test_whoever_is_idle_is_away_whatever_they_chose(
    nick: str, state: State, text: str, registered: bool
) -> None:
    line = member_line.write(nick, state, text, registered=registered, idle=True)
    assert member_line.is_idle(line)
    assert member_line.read(line) == Member(
        nick=nick, state="away", text=text, registered=registered
    )


def test_somebody_without_a_status_is_their_nickname() -> None:
    assert member_line.write("Alice") == "Alice"
    assert member_line.write("Alice", "away") == "Alice away "
    assert member_line.write("Alice", registered=True) == "Alice +online "


@pytest.mark.parametrize("line", ["Alice", "Alice sleeping", "Alice online "])
def test_a_state_of_a_later_version_counts_as_online(line: str) -> None:
    assert member_line.read(line) == Member(nick="Alice")
