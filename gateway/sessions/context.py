"""The parts of a node that its connections and sessions work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.backplane import Backplane
from gateway.config import Settings
from gateway.credentials.password_hasher import PasswordHasher
from gateway.delivery.relay import Relay
from gateway.delivery.room_directory import RoomDirectory
from gateway.net.write_buffer import WaitingTotal
from gateway.observability.bounded_log import BoundedLog
from gateway.observability.metrics import Metrics
from gateway.observability.occasion import Occasion
from gateway.policy.client_limits import ClientLimits, TurnedAway
from gateway.sessions.accounts import NodeAccounts
from gateway.sessions.bans import NodeBans
from gateway.sessions.command_turns import CommandTurns
from gateway.sessions.registry import SessionRegistry

if TYPE_CHECKING:
    from gateway.credentials.jwt_verifier import JwtVerifier

UNENCRYPTED_LOG_SECONDS: Final = 3600.0
"""The least time between two log lines about clients' secrets that come unencrypted."""


@dataclass
class NodeContext:
    """The parts of a node; there is one for each node."""

    settings: Settings
    """Replaced as a whole when they are read again: look them up each time."""
    node: str
    backplane: Backplane
    relay: Relay
    registry: SessionRegistry
    bans: NodeBans
    accounts: NodeAccounts
    passwords: PasswordHasher
    jwt: JwtVerifier | None
    """Verifies JSON Web Tokens; None if there are no keys for them."""
    rooms: RoomDirectory
    metrics: Metrics
    bounded_log: BoundedLog
    """For lines that outsiders can cause without end."""
    limits: ClientLimits
    why_not_ready: Callable[[], str | None]
    waiting: WaitingTotal
    """What waits for all clients together."""
    admit: Callable[[str | None], TurnedAway | None]
    """Admit one more client and return None, or return why not; see `ClientAddress.limited_as`."""
    turns: CommandTurns = field(default_factory=CommandTurns)
    """Which commands begin next, when very many are sent at once."""
    unencrypted: Occasion = field(default_factory=lambda: Occasion(UNENCRYPTED_LOG_SECONDS))
    """When to log that clients' secrets come unencrypted."""
