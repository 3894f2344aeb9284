"""The accounts that have sessions on this node, and what happens to them on other nodes.

What one device does holds for all: the nodes that have sessions of an account hear of it on the
account's channel (`gateway.backplane.account_events`), and change these sessions. Nodes that could
not hear for a while compare with Redis (`NodeAccounts.recheck`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import structlog
import trio

from gateway.auth.identity import account_of, device_of
from gateway.backplane import Backplane, Retry, Unavailable, member_line
from gateway.backplane import account_events as events
from gateway.backplane.accounts import Account
from gateway.delivery.relay import Relay
from gateway.sessions.record import SessionRecord
from gateway.sessions.registry import SessionRegistry
from gateway.sessions.states import RoomState
from gateway.wire import Event, JoinedElsewhere, LeftElsewhere, Notice, ReadElsewhere
from gateway.wire.close_codes import ACCOUNT_CLOSED, SIGNED_OUT, Close

_BATCH: Final = 200
"""Accounts that are read with one call."""

FAREWELLS: Final[dict[str, tuple[str, Close]]] = {
    "signed_out": ("This device was signed out.", SIGNED_OUT),
    "account_disabled": ("An operator has disabled your account.", ACCOUNT_CLOSED),
    "account_deleted": ("Your account was deleted.", ACCOUNT_CLOSED),
}
"""Why sessions of an account are ended: the notice's text for each code, and the close code."""

log = structlog.get_logger("accounts")


class NodeAccounts:
    """The accounts of this node's sessions, from before they are claimed until they are gone."""

    def __init__(self, backplane: Backplane, relay: Relay, registry: SessionRegistry) -> None:
        self._backplane = backplane
        self._relay = relay
        self._registry = registry
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)
        """The sessions of each account."""
        self._versions: dict[str, int] = {}
        """The version of each account that its sessions here know."""
        self._may_be_behind = trio.Event()
        registry.on_gone = self.gone

    # --- sessions -----------------------------------------------------------------------------

    def added(self, sid: str) -> None:
        """Record that a session of an account is about to begin on this node, or to be resumed."""
        self._sessions[account_of(sid)].add(sid)

    def gone(self, sid: str) -> None:
        """Record that a session, of an account or of a guest, is not on this node any more."""
        sessions = self._sessions.get(account := account_of(sid))
        if sessions is None:
            return
        sessions.discard(sid)
        if not sessions:
            del self._sessions[account]
            self._versions.pop(account, None)

    def sessions_of(self, account: str, *, besides: str | None = None) -> list[SessionRecord]:
        """Return the sessions of an account on this node, but for one of them."""
        known = self._registry.sessions
        return [
            known[sid] for sid in self._sessions.get(account, ()) if sid in known and sid != besides
        ]

    def __len__(self) -> int:
        return len(self._sessions)
