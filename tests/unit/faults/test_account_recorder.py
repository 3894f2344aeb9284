"""What a device of an account is told goes into the history; so does what another one has done."""

from __future__ import annotations

from client.session import AccountState, Connected, Disconnected, Ended, NickChanged, Rejoined
from gateway import wire
from tests.faults.client.account import Account, SignedIn
from tests.faults.client.account_recorder import AccountRecorder
from tests.faults.generator import OperationGenerator
from tests.faults.history import RunHistory

CONNECTED = Connected("url", "node", "a1", resumed=False)


def joined(seq: int, *, recovered: bool | None = None) -> wire.Joined:
    return wire.Joined(
        id="j", room="lobby", epoch="e", seq=seq, recovered=recovered, messages=[], members=[],
        version=1, count=0,
    )  # fmt: skip


def an_account(history: RunHistory) -> Account:
    return Account("a1", OperationGenerator("a1", "1"), history)


def a_device(history: RunHistory) -> AccountRecorder:
    """A device that asked for a session at the time 0.5 and has it since 1."""
    recorder = AccountRecorder("a1.1", an_account(history), history)
    recorder.asks(0.5)
    recorder.receive(CONNECTED, 1.0)
    return recorder


def test_a_room_is_observed_from_when_the_session_joined_it_by_itself() -> None:
    history = RunHistory()
    recorder = a_device(history)
    recorder.receive(Rejoined(joined(3)), 2.0)
    recorder.receive(Rejoined(joined(4)), 2.5)
    [lobby] = history.rooms
    assert (lobby.client, lobby.since, history.gaps) == ("a1.1", 3, [])


def test_what_another_device_leaves_is_left() -> None:
    history = RunHistory()
    recorder = a_device(history)
    recorder.receive(Rejoined(joined(3)), 2.0)
    recorder.receive(wire.LeftElsewhere(room="lobby"), 3.0)
    [lobby], [membership] = history.rooms, history.memberships
    assert (lobby.ended, membership.until, recorder.rooms) == (3.0, 3.0, {})


def test_what_another_device_renames_is_in_the_rooms_by_its_new_name() -> None:
    history = RunHistory()
    recorder = a_device(history)
    recorder.receive(Rejoined(joined(3)), 2.0)
    recorder.receive(NickChanged("a1-7"), 3.0)
    assert [(each.nick, each.since, each.until) for each in history.memberships] == [
        ("a1", 2.0, 3.0), ("a1-7", 3.0, None),
    ]  # fmt: skip
    assert [(each.nick, each.until, each.reserved) for each in history.ownerships] == [
        ("a1", 3.0, True), ("a1-7", None, True),
    ]  # fmt: skip


def test_the_nickname_stays_the_accounts_while_a_device_is_away() -> None:
    history = RunHistory()
    a_device(history).receive(Disconnected("lost", 1.0, "url"), 2.0)
    [ownership] = history.ownerships
    assert ownership.until is None


def test_markers_are_as_old_as_what_asked_for_them() -> None:
    history = RunHistory()
    recorder = a_device(history)
    state = AccountState("id", "user", "d", (wire.AccountRoom(room="lobby", seq=9, read=4),))
    recorder.receive(state, 1.1)
    recorder.moved_marker("lobby", 5, 2.0, 2.1)
    recorder.receive(wire.ReadElsewhere(room="lobby", seq=6), 3.0)
    recorder.receive(Disconnected("lost", 1.0, "url"), 4.0)
    recorder.receive(CONNECTED, 5.0)
    recorder.receive(state, 5.1)
    assert [(each.seq, each.invoked_at, each.at, each.source) for each in history.markers] == [
        (4, 0.5, 1.1, "welcome"),
        (5, 2.0, 2.1, "answer"),
        (6, 3.0, 3.0, "event"),
        (4, 4.0, 5.1, "welcome"),
    ]


def test_a_device_that_is_signed_out_ends_without_an_error() -> None:
    history = RunHistory()
    a_device(history).receive(Ended("signed out", "signed_out"), 2.0)
    assert history.session_ends == []


def test_a_device_ends_with_all_that_it_had() -> None:
    history = RunHistory()
    device = SignedIn(an_account(history))
    device.keep_token("first", 1.0)
    device.keep_token("second", 2.0)
    first, second = (each for each in history.credentials if each.kind == "token")
    assert (first.doubtful, second.doubtful, device.token) == (2.0, None, second)
    device.doubt(3.0)
    assert (first.doubtful, second.doubtful, device.is_revoked) == (2.0, 3.0, False)
    device.is_gone(4.0)
    assert (first.revoked, second.revoked, device.is_revoked) == (4.0, 4.0, True)


def test_a_password_that_may_have_been_changed_is_tried_as_both() -> None:
    history = RunHistory()
    account = an_account(history)
    account.registered(1.0)
    [old] = account.passwords
    new = account.changes_password(2.0)
    assert (new.since, old.doubtful, account.passwords) == (None, 2.0, [new, old])
    account.password_refused()
    assert account.sign_in("d").password == old.secret


def test_a_password_that_was_changed_for_certain_ends_the_one_before() -> None:
    history = RunHistory()
    account = an_account(history)
    account.registered(1.0)
    [old] = account.passwords
    new = account.changes_password(2.0)
    account.changed_password(3.0)
    assert (new.since, old.since, old.revoked) == (3.0, 1.0, 3.0)


def test_a_change_that_was_refused_leaves_the_password_as_it_was() -> None:
    history = RunHistory()
    account = an_account(history)
    account.registered(1.0)
    [old] = account.passwords
    account.changes_password(2.0)
    account.kept_password()
    assert (account.passwords, old.doubtful) == ([old], None)


def test_a_refusal_does_not_make_certain_what_an_earlier_change_left_uncertain() -> None:
    history = RunHistory()
    account = an_account(history)
    account.registered(1.0)
    [old] = account.passwords
    account.changes_password(2.0)
    account.doubt_password()
    account.changes_password(3.0)
    account.kept_password()
    assert (account.passwords[0], old.doubtful) == (old, 2.0)


def test_an_account_that_was_lost_is_made_anew_under_another_nickname() -> None:
    history = RunHistory()
    account = an_account(history)
    account.registered(1.0)
    account.password_refused()
    assert not account.is_registered
    assert account.registration.nick == account.nick != "a1"
    assert account.generation == 2
