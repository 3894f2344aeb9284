"""What is said of an attempt to come in, and at which field."""

from __future__ import annotations

import pytest

from client.errors import CannotConnect, NotConfirmed
from client.model import SignedOut, SignInField, SignInMode, SignInRequest, problem_of
from client.model.connection_state import left_to_change
from gateway.wire import CommandError
from tests.unit.client.model.chatting import NOON


@pytest.mark.parametrize(
    ("code", "mode", "field"),
    [
        ("nick_taken", "guest", "nick"),
        ("bad_nick", "register", "nick"),
        ("bad_credentials", "account", "password"),
        ("weak_password", "register", "password"),
        ("bad_password", "register", "password"),
        ("insecure", "account", "password"),
        ("bad_invite", "register", "invite"),
        ("bad_device", "account", "device"),
        ("registration_closed", "register", ""),
        ("account_disabled", "account", ""),
        ("too_fast", "account", "password"),
        ("too_fast", "guest", ""),
        ("bad_credentials", "guest", ""),
    ],
)
def test_a_refusal_is_shown_at_the_field_it_is_about(
    code: str, mode: SignInMode, field: SignInField
) -> None:
    assert problem_of(CommandError(code, "No."), NOON, mode=mode).field == field


def test_the_owner_of_a_nickname_may_sign_in_instead() -> None:
    error = CommandError("nick_taken", "It is.", suggestion="alice_", reason="registered")
    problem = problem_of(error, NOON, mode="guest")
    assert (problem.registered, problem.suggestion, problem.mode) == (True, "alice_", None)
    assert not problem_of(CommandError("nick_taken", "It is."), NOON).registered


def test_where_there_are_no_guests_an_account_is_asked_for() -> None:
    assert problem_of(CommandError("guests_off", "No."), NOON, mode="guest").mode == "account"
    prefixed = CommandError("guests_off", "No.", suggestion="guest-alice")
    assert problem_of(prefixed, NOON, mode="guest").mode is None


def test_a_token_that_is_worth_nothing_leads_to_the_password() -> None:
    problem = problem_of(CommandError("bad_token", "No.", reason="revoked"), NOON)
    assert (problem.mode, problem.field) == ("account", "password")


def test_the_wait_is_counted_down() -> None:
    problem = problem_of(CommandError("too_fast", "Wait.", retry_after=2.5), NOON)
    assert [problem.seconds_left(NOON + ms) for ms in (0, 500, 501, 2499, 2500)] == [3, 2, 2, 1, 0]
    assert "in 3 s" in problem.told(NOON)
    assert problem.told(NOON + 2500) == "Wait."
    state = SignedOut("alice", problem)
    assert left_to_change(state, NOON) == 500
    assert left_to_change(state, NOON + 2500) is None


def test_nodes_that_were_asked_too_often_are_not_said_to_be_unreachable() -> None:
    error = CannotConnect("Tried too often.", 4.0)
    error.too_fast = True
    problem = problem_of(error, NOON)
    assert (problem.field, problem.seconds_left(NOON)) == ("password", 4)
    assert problem.told(NOON + 4000) == "Tried too often."


def test_an_account_that_may_have_been_made_is_said_to() -> None:
    error = CannotConnect("no answer")
    error.uncertain = True
    assert "may have been made or not" in problem_of(error, NOON).text
    assert "may have been done" in problem_of(NotConfirmed("lost"), NOON).text


def test_no_secret_is_in_what_is_logged_of_a_request() -> None:
    request = SignInRequest("alice", "register", "hunter2", "INV")
    assert "hunter2" not in repr(request)
    assert "INV" not in repr(request)
