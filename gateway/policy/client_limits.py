"""What one address, one session and one stranger may use of a node. Pure.

An address is an IPv4 address or an IPv6 network of 64 bits, as text; one that is None is exempt.
All this is kept by each node for itself: with n nodes, an address may have n times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.policy.rate_limits import BucketTable

AGAIN_SECONDS: Final = 5.0
"""Seconds after which an address with too many connections is told to try again."""
BURST_SECONDS: Final = 5.0
"""New connections of this many seconds may come at once from an address."""
STATUS_BURST_SECONDS: Final = 10.0
"""Changes of status of this many seconds may come at once from an address."""
FOR_ONE_ADDRESS: Final = frozenset({"address_rate", "address_connections", "address_silent"})
"""The reasons with which `ClientLimits.connect` refuses."""
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class ClientBounds:
    """The bounds; 0 means none.

    - ``connections``: open connections of an address
    - ``silent``: those of them without a session: no hello has been accepted yet
    - ``connect_rate``: new connections of an address a second, each with one request at most
    - ``nicks``: new nicknames of an address a minute
    - ``accounts``: new accounts of an address an hour
    - ``rooms``: new rooms of an address an hour
    - ``session_rooms``: new rooms of a session an hour
    - ``statuses``: changes of status by an address a second, in one room
    - ``stranger_directs``: direct messages a minute to one person from strangers
    """

    connections: int = 0
    silent: int = 0
    connect_rate: float = 0.0
    nicks: int = 0
    accounts: int = 0
    rooms: int = 0
    session_rooms: int = 0
    statuses: float = 0.0
    stranger_directs: int = 0


class TurnedAway(NamedTuple):
    """Why a connection is refused: a word for metrics and logs, and when to try again."""

    reason: str
    retry_after: float


class ClientLimits:
    """What addresses, sessions and strangers have used of one node."""

    def __init__(self, bounds: ClientBounds) -> None:
        self._connections: dict[str, int] = {}
        self._silent: dict[str, int] = {}
        self._connects = BucketTable(burst=0, rate=0)
        self._nicks = BucketTable(burst=0, rate=0)
        self._accounts = BucketTable(burst=0, rate=0)
        self._rooms = BucketTable(burst=0, rate=0)
        self._session_rooms = BucketTable(burst=0, rate=0)
        self._statuses = BucketTable(burst=0, rate=0)
        self._directs = BucketTable(burst=0, rate=0)
        self.configure(bounds)

    def configure(self, bounds: ClientBounds) -> None:
        """Take on other bounds; connections that are open stay."""
        self._bounds = bounds
        burst = max(1.0, BURST_SECONDS * bounds.connect_rate)
        self._connects.configure(burst=burst, rate=bounds.connect_rate)
        burst = max(1.0, STATUS_BURST_SECONDS * bounds.statuses)
        self._statuses.configure(burst=burst, rate=bounds.statuses)
        for table, most, seconds in (
            (self._nicks, bounds.nicks, _MINUTE),
            (self._accounts, bounds.accounts, _HOUR),
            (self._rooms, bounds.rooms, _HOUR),
            (self._session_rooms, bounds.session_rooms, _HOUR),
            (self._directs, bounds.stranger_directs, _MINUTE),
        ):
            table.configure(burst=most, rate=most / seconds)

    # --- connections --------------------------------------------------------------------------

    def connect(self, address: str, now: float) -> TurnedAway | None:
        """Count a new connection of an address and return None, or return why it is refused.

        One that was counted is to `disconnect` at its end, or when it turns out to be another's.
        """
        if (wait := self._connects.take(address, now)) > 0.0:
            return TurnedAway("address_rate", wait)
        if 0 < self._bounds.connections <= self._connections.get(address, 0):
            return TurnedAway("address_connections", AGAIN_SECONDS)
        if 0 < self._bounds.silent <= self._silent.get(address, 0):
            return TurnedAway("address_silent", AGAIN_SECONDS)
        _add(self._connections, address, 1)
        _add(self._silent, address, 1)
        return None

    def identified(self, address: str) -> None:
        """Record that a connection of an address has a session now."""
        _add(self._silent, address, -1)

    def disconnect(self, address: str, *, silent: bool) -> None:
        """Record that a connection has ended; ``silent``: it has never been `identified`."""
        _add(self._connections, address, -1)
        if silent:
            _add(self._silent, address, -1)

    @property
    def addresses(self) -> int:
        """The number of addresses with open connections."""
        return len(self._connections)

    # --- what clients do ----------------------------------------------------------------------
    # What begins with `new_`, `status` and `stranger_direct` count it and return 0.0, or return
    # the seconds after which it may be done.

    def new_nick(self, address: str | None, now: float) -> float:
        """Count a nickname that is asked for."""
        return 0.0 if address is None else self._nicks.take(address, now)

    def new_account(self, address: str | None, now: float) -> float:
        """Count an account that is to be made; `no_account` takes that back if it was not."""
        return 0.0 if address is None else self._accounts.take(address, now)

    def no_account(self, address: str | None) -> None:
        """Take back that an account was counted: it was refused."""
        if address is not None:
            self._accounts.give_back(address)

    def new_room(self, address: str | None, session: str, now: float) -> float:
        """Count a room that a session makes."""
        if address is None:
            return 0.0
        return self._session_rooms.take(session, now) or self._rooms.take(address, now)

    def status(self, address: str | None, rooms: int, now: float) -> float:
        """Count a change of status, once for each room that is told of it."""
        return 0.0 if address is None else self._statuses.take(address, now, cost=rooms)

    def stranger_direct(self, address: str | None, recipient: str, now: float) -> float:
        """Count a direct message to the session ``recipient`` from somebody it never wrote to."""
        return 0.0 if address is None else self._directs.take(recipient, now)


def _add(counts: dict[str, int], key: str, change: int) -> None:
    """Change a count; one of 0 is left out."""
    count = counts.get(key, 0) + change
    if count:
        counts[key] = count
    else:
        del counts[key]
