"""Records why a node's connections to Redis cannot be used, for readiness and the log."""

from __future__ import annotations

from typing import Final

import structlog

_MOST_WARNINGS: Final = 50

log = structlog.get_logger("redis")


class ServerHealth:
    """Why each connection of a node cannot be used, if so.

    A reason is logged once; again only after another one, or after the server was usable.
    """

    def __init__(self, *, refuse_eviction: bool = True) -> None:
        self.refuse_eviction = refuse_eviction
        """Whether a server that may evict data is unsuitable; otherwise a warning is logged."""
        self._reasons: dict[str, str] = {}
        self._away: dict[str, str] = {}
        self._logged = ""
        self._warned: set[str] = set()

    @property
    def why_unsuitable(self) -> str:
        """Why a connection cannot be used until somebody changes something; empty if all can be."""
        return next(iter(self._reasons.values()), "")

    @property
    def why_away(self) -> str:
        """Why a connection was lost, or could not be opened; empty if all are in use."""
        return next(iter(self._away.values()), "")

    def mark_unsuitable(self, connection: str, reason: str) -> None:
        """Record why the server of a connection cannot be used."""
        self._reasons[connection] = reason
        self._away.pop(connection, None)
        if reason != self._logged:
            self._logged = reason
            log.error("redis cannot be used", connection=connection, reason=reason)

    def mark_usable(self, connection: str, server: str) -> None:
        """Record that a new connection is in use; ``server`` is the place of its server."""
        log.info("redis connected", connection=connection, server=server)
        self._reasons.pop(connection, None)
        self._away.pop(connection, None)
        if self._logged and not self._reasons:
            self._logged = ""
            log.info("redis can be used again", connection=connection)

    def mark_away(self, connection: str, reason: str) -> None:
        """Record why the server of a connection does not answer."""
        self._reasons.pop(connection, None)
        self._away[connection] = reason

    def warn(self, warnings: tuple[str, ...]) -> None:
        """Log those of these warnings that were not logged before."""
        for warning in warnings:
            if warning not in self._warned and len(self._warned) < _MOST_WARNINGS:
                self._warned.add(warning)
                log.warning("redis is not as it should be", problem=warning)
