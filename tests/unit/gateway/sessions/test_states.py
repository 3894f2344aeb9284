"""The tables of states: every state and every event, one by one."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.sessions.states import (
    GRACE_BEGINS,
    MAY_CLAIM,
    ROOM_EVENTS,
    ROOM_TRANSITIONS,
    SESSION_TRANSITIONS,
    WITH_CONNECTION,
    RoomEvent,
    RoomState,
    SessionEvent,
    SessionState,
)
from gateway.state_machine import ImpossibleTransition, next_state

STARTS = {SessionState.UNKNOWN, SessionState.CLAIMING}
POSSIBLE = [(s, e, after) for s, row in SESSION_TRANSITIONS.items() for e, after in row.items()]
EVERY_PAIR = list(product(SessionState, SessionEvent))


def reachable(start: SessionState) -> set[SessionState]:
    found, new = {start}, {start}
    while new:
        new = {after for state in new for after in SESSION_TRANSITIONS[state].values()} - found
        found |= new
    return found


@pytest.mark.parametrize(("state", "event"), EVERY_PAIR)
def test_every_event_has_one_outcome_or_is_impossible(
    state: SessionState, event: SessionEvent
) -> None:
    if event in SESSION_TRANSITIONS[state]:
        assert next_state(SESSION_TRANSITIONS, state, event) is SESSION_TRANSITIONS[state][event]
    else:
        with pytest.raises(ImpossibleTransition, match=f"{event} in {state}"):
            next_state(SESSION_TRANSITIONS, state, event)


@pytest.mark.parametrize(("state", "event"), list(product(RoomState, RoomEvent)))
def test_every_event_of_a_room_has_one_outcome_or_is_impossible(
    state: RoomState, event: RoomEvent
) -> None:
    if event in ROOM_TRANSITIONS[state]:
        assert next_state(ROOM_TRANSITIONS, state, event) is ROOM_TRANSITIONS[state][event]
    else:
        with pytest.raises(ImpossibleTransition, match=f"{event} in {state}"):
            next_state(ROOM_TRANSITIONS, state, event)


def test_every_event_happens_somewhere_and_every_state_is_reached() -> None:
    assert {event for _, event, _ in POSSIBLE} == set(SessionEvent)
    assert {after for _, _, after in POSSIBLE} | STARTS == set(SessionState)


@pytest.mark.parametrize("state", SessionState)
def test_every_session_can_come_to_an_end(state: SessionState) -> None:
    assert SessionState.GONE in reachable(state)


def test_a_session_comes_into_being_only_as_unknown_or_claiming() -> None:
    entered = {after for state, _, after in POSSIBLE if after is not state}
    assert not entered & STARTS
    assert reachable(SessionState.GONE) == {SessionState.GONE}


def test_what_no_hello_has_established_is_never_parked() -> None:
    assert SessionState.PARKED not in SESSION_TRANSITIONS[SessionState.CLAIMING].values()
    assert SessionState.MOVED not in SESSION_TRANSITIONS[SessionState.CLAIMING].values()


def test_a_session_that_is_over_is_saved_only_by_being_resumed() -> None:
    saved = {
        event
        for event, after in SESSION_TRANSITIONS[SessionState.RELEASING].items()
        if after not in {SessionState.RELEASING, SessionState.GONE}
    }
    assert saved == {SessionEvent.RESUMED}


def test_a_connection_comes_only_with_a_hello() -> None:
    gained = {
        event
        for state, event, after in POSSIBLE
        if after in WITH_CONNECTION and state not in WITH_CONNECTION
    }
    assert gained == {SessionEvent.RESUMED}


@pytest.mark.parametrize("state", [SessionState.PARKED, SessionState.MOVED])
def test_without_a_connection_a_grace_time_is_running(state: SessionState) -> None:
    entered = {(before, event) for before, event, after in POSSIBLE if after is state}
    waiting = {SessionState.PARKED, SessionState.MOVED}
    assert {pair for pair in entered if pair[0] not in waiting} <= GRACE_BEGINS
    assert SessionEvent.EXPIRED in SESSION_TRANSITIONS[state]


@pytest.mark.parametrize(("state", "event", "after"), POSSIBLE)
def test_the_rooms_fit_the_state(
    state: SessionState, event: SessionEvent, after: SessionState
) -> None:
    """In no state may a session be in rooms that it cannot be in."""
    possible = rooms_possible_in(state)
    changes = ROOM_EVENTS.get((after, event), {})
    left = {next_state(ROOM_TRANSITIONS, r, changes[r]) if r in changes else r for r in possible}
    assert left <= rooms_possible_in(after)


def rooms_possible_in(state: SessionState) -> set[RoomState]:
    if state in {SessionState.UNKNOWN, SessionState.CLAIMING}:
        return set()
    if state is SessionState.CONNECTED:
        return {RoomState.FOLLOWED, RoomState.PARKED, RoomState.LEAVING}
    if state in {SessionState.PARKED, SessionState.MOVED}:
        return {RoomState.PARKED, RoomState.LEAVING}
    return {RoomState.LEAVING}


def test_claims_are_made_for_sessions_that_are_here() -> None:
    assert WITH_CONNECTION < MAY_CLAIM
    assert {SessionState.PARKED} == MAY_CLAIM - WITH_CONNECTION
