"""Rooms that sessions stay listed in for a time without following them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class RejoinGrace:
    """For each session the rooms that it has not joined again, and until when it may.

    ``grace`` is in seconds; times are of any one monotonic clock.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._parked: dict[str, tuple[float, set[str]]] = {}
        self._listed: Counter[str] = Counter()

    def put(self, session: str, rooms: Iterable[str], now: float) -> None:
        """Have a session come back within the grace, into these rooms and those it had left."""
        _, known = self._parked.pop(session, (0.0, set()))
        added = set(rooms) - known
        self._listed.update(added)
        self._parked[session] = (now + self._grace, known | added)

    def rooms(self, session: str) -> set[str]:
        """Give the rooms that a session has not joined again."""
        return self._parked.get(session, (0.0, set()))[1]

    def came_back(self, session: str, room: str) -> None:
        """Note that a session follows a room again, or has left it."""
        rooms = self.rooms(session)
        if room in rooms:
            rooms.remove(room)
            self.left(room)

    def take(self, session: str) -> set[str]:
        """Give a session's rooms up; each still counts as listed until `left`."""
        return self._parked.pop(session, (0.0, set()))[1]

    def leaves(self, room: str) -> None:
        """Note that one is listed in a room until `left`."""
        self._listed[room] += 1

    def left(self, room: str) -> None:
        """Note that one that was listed in a room here is not any more."""
        self._listed[room] -= 1
        if not self._listed[room]:
            del self._listed[room]

    def expired(self, now: float) -> list[str]:
        """Give the sessions whose time is over; each must be taken, or put again."""
        over = []
        for session, (until, _) in self._parked.items():
            if until > now:
                break
            over.append(session)
        return over

    @property
    def next_expiry(self) -> float | None:
        """When the next session's time will be over."""
        return next((until for until, _ in self._parked.values()), None)

    @property
    def listed(self) -> Iterable[str]:
        """The rooms that somebody is listed in here without following them."""
        return self._listed.keys()
