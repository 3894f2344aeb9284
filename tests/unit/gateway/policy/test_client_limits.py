"""What one address, one session and one stranger may use."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.policy.client_limits import FOR_ONE_ADDRESS, ClientBounds, ClientLimits, TurnedAway


def test_connections_of_an_address_are_bounded_and_those_without_a_session() -> None:
    limits = ClientLimits(ClientBounds(connections=3, silent=2))
    assert [limits.connect("a", 0.0) for _ in range(2)] == [None, None]
    assert limits.connect("a", 0.0) == TurnedAway("address_silent", 5.0)
    limits.identified("a")
    assert limits.connect("a", 0.0) is None
    limits.identified("a")
    assert limits.connect("a", 0.0) == TurnedAway("address_connections", 5.0)
    assert limits.connect("b", 0.0) is None
    limits.disconnect("a", silent=False)
    assert limits.connect("a", 0.0) is None


def test_new_connections_of_an_address_come_no_faster_than_its_rate() -> None:
    limits = ClientLimits(ClientBounds(connect_rate=2.0))
    assert [limits.connect("a", 0.0) for _ in range(10)] == [None] * 10
    assert limits.connect("a", 0.0) == TurnedAway("address_rate", 0.5)
    assert limits.connect("b", 0.0) is None
    assert limits.connect("a", 0.5) is None


def test_new_names_rooms_and_messages_to_strangers_are_bounded() -> None:
    limits = ClientLimits(ClientBounds(nicks=2, rooms=3, session_rooms=2, stranger_directs=1))
    assert [limits.new_nick("a", 0.0) for _ in range(3)] == [0.0, 0.0, 30.0]
    assert [limits.new_room("a", "s", 0.0) for _ in range(3)] == [0.0, 0.0, 1800.0]
    assert [limits.new_room("a", "t", 0.0) for _ in range(2)] == [0.0, 1200.0]
    assert [limits.stranger_direct(who, "victim", 0.0) for who in "ab"] == [0.0, 60.0]
    assert limits.stranger_direct("a", "another", 0.0) == 0.0


def test_changes_of_status_are_bounded_and_count_once_for_each_room() -> None:
    limits = ClientLimits(ClientBounds(statuses=1.0))
    assert [limits.status("a", 4, 0.0) for _ in range(3)] == [0.0, 0.0, 2.0]
    assert limits.status("a", 2, 0.0) == 0.0
    assert limits.status("b", 50, 0.0) == 0.0, "also in more rooms than may be told at once"
    assert limits.status("b", 1, 0.0) == 41.0
    assert limits.status("b", 1, 41.0) == 0.0
    assert limits.status(None, 50, 0.0) == 0.0


def test_new_accounts_are_bounded_and_those_that_were_refused_do_not_count() -> None:
    limits = ClientLimits(ClientBounds(accounts=2))
    assert [limits.new_account("a", 0.0) for _ in range(3)] == [0.0, 0.0, 1800.0]
    assert limits.new_account("b", 0.0) == 0.0
    limits.no_account("a")
    assert [limits.new_account("a", 0.0) for _ in range(2)] == [0.0, 1800.0]
    assert limits.new_account("a", 1800.0) == 0.0
    for address in ("a", "nobody", None):
        limits.no_account(address)
    limits.configure(ClientBounds())
    limits.no_account("b")
    assert limits.new_account("b", 0.0) == 0.0


def test_who_is_exempt_is_not_bounded() -> None:
    limits = ClientLimits(ClientBounds(nicks=1, rooms=1, session_rooms=1, stranger_directs=1))
    for _ in range(3):
        assert limits.new_nick(None, 0.0) == 0.0
        assert limits.new_account(None, 0.0) == 0.0
        assert limits.new_room(None, "s", 0.0) == 0.0
        assert limits.stranger_direct(None, "victim", 0.0) == 0.0


def test_other_bounds_are_taken_on_and_0_is_none() -> None:
    limits = ClientLimits(ClientBounds(connections=1, nicks=1))
    assert limits.connect("a", 0.0) is None
    limits.configure(ClientBounds())
    assert [limits.connect("a", 0.0) for _ in range(1000)] == [None] * 1000
    assert [limits.new_nick("a", 0.0) for _ in range(1000)] == [0.0] * 1000
    limits.configure(ClientBounds(connections=1001))
    assert limits.connect("a", 0.0) is not None


class Connecting(RuleBasedStateMachine):
    """Connections of three addresses come, say hello, and go."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = ClientLimits(ClientBounds(connections=3, silent=2))
        self.open: list[list[object]] = []

    @rule(address=st.sampled_from("abc"))
    def connect(self, address: str) -> None:
        mine = [silent for owner, silent in self.open if owner == address]
        refusal = self.limits.connect(address, 0.0)
        assert (refusal is None) == (len(mine) < 3 and sum(map(bool, mine)) < 2)
        assert refusal is None or refusal.reason in FOR_ONE_ADDRESS
        if refusal is None:
            self.open.append([address, True])

    @rule(number=st.integers(0, 8))
    def say_hello(self, number: int) -> None:
        silent = [each for each in self.open if each[1]]
        if silent:
            each = silent[number % len(silent)]
            each[1] = False
            self.limits.identified(str(each[0]))

    @rule(number=st.integers(0, 8))
    def disconnect(self, number: int) -> None:
        if self.open:
            address, silent = self.open.pop(number % len(self.open))
            self.limits.disconnect(str(address), silent=bool(silent))

    @invariant()
    def nothing_is_kept_of_who_has_gone(self) -> None:
        assert self.limits.addresses == len(Counter(str(owner) for owner, _ in self.open))


TestConnecting = Connecting.TestCase
