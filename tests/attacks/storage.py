"""What attackers may have in Redis at most, by the limits of a node's default settings. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.config import Settings
from gateway.wire import MAX_HISTORY

_SETTINGS: Final = Settings()
_LOG_MIB: Final = _SETTINGS.log_bytes / 1024**2
_ANYWAY_MIB: Final = 4.0
"""What any attack may use: Redis's buffers for its clients, and a few hundred sessions."""
_MESSAGE_KIB: Final = 4.4
"""The longest message with its envelope, its id on record, and its place in a stream."""
_ROOM_KIB: Final = 6.0
"""A room with one short message: a stream begins with 4 KiB, the other keys and indexes have the
rest."""
_SESSION_KIB: Final = 2.0
"""A session with the longest nickname, in one room with the longest status."""

_ACCOUNT_KIB: Final = 4.0
"""An account with its first device, its nickname, and its session."""


class Extent(NamedTuple):
    """How large an attack is: addresses that it comes from, connections at once, seconds."""

    sources: int
    crowd: int
    seconds: float

    @property
    def commands(self) -> float:
        """The commands that flood control lets through, of one session."""
        return _SETTINGS.flood_burst + _SETTINGS.flood_rate * self.seconds


def sessions(extent: Extent) -> float:
    """Return the MiB that a session for each connection may use."""
    return _ANYWAY_MIB + extent.crowd * _SESSION_KIB / 1024


def accounts(extent: Extent) -> float:
    """Return the MiB that new accounts may use, beside the sessions."""
    made = extent.sources * _SETTINGS.address_accounts
    return sessions(extent) + made * _ACCOUNT_KIB / 1024


def one_log(extent: Extent) -> float:
    """Return the MiB that the log of one room or inbox may use, beside the sessions."""
    return sessions(extent) + _LOG_MIB


def one_log_read(extent: Extent) -> float:
    """Return the MiB that one log may use, and an answer from it for each connection."""
    return one_log(extent) + extent.crowd * min(_LOG_MIB, MAX_HISTORY * _MESSAGE_KIB / 1024)


def new_rooms(extent: Extent) -> float:
    """Return the MiB that new rooms may use: join, send and leave are a command each."""
    return sessions(extent) + _rooms(extent, extent.commands / 3) * _ROOM_KIB / 1024


def full_logs(extent: Extent) -> float:
    """Return the MiB that the logs of new rooms may use: full, or with all that may be sent."""
    full = _rooms(extent, extent.commands) * _LOG_MIB
    sent = extent.crowd * extent.commands * _MESSAGE_KIB / 1024
    return sessions(extent) + min(full, sent)


def _rooms(extent: Extent, of_each: float) -> float:
    """Return the rooms that may be made, if each session has commands for so many."""
    return min(
        extent.crowd * min(of_each, _SETTINGS.session_rooms),
        extent.sources * _SETTINGS.address_rooms,
        _SETTINGS.total_rooms,
    )
