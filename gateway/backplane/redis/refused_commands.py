"""Records commands that Redis refuses for good: for readiness, and for a log without floods."""

from __future__ import annotations

from typing import Final

import structlog

from gateway.backplane.redis.errors import Forbidden, Unavailable
from gateway.backplane.redis.scripts import ALL_SCRIPTS
from gateway.backplane.redis.server_check import DISPENSABLE

REPEAT_SECONDS: Final = 60.0
"""Seconds in which the same refusal is not logged again, only counted."""
MOST_KEPT: Final = 100
"""Distinct refusals on record; further ones are not logged while these are recent."""

_NAMES: Final = {
    each: script.name for script in ALL_SCRIPTS for each in (script.sha, script.source)
}
_FIRST_KEY: Final = 3

Command = tuple[bytes | str | float, ...]

log = structlog.get_logger("redis")


class RefusedCommands:
    """The commands refused on one connection. Times are seconds of one clock."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self.blocking: dict[str, str] = {}
        """Required commands that are refused for all keys, each with the reason."""
        self._logged: dict[tuple[str, str, str], tuple[float, int]] = {}

    @property
    def why(self) -> str:
        """A `blocking` command with its reason; empty if there is none."""
        return next((f"{what}: {why}" for what, why in self.blocking.items()), "")

    def add(self, command: Command, error: Unavailable, now: float) -> None:
        """Record that a command was refused; log it, at most once in `REPEAT_SECONDS`.

        A command that a node can do without is logged only once, as a warning.
        """
        what, key = describe(command)
        if isinstance(error, Forbidden) and what not in DISPENSABLE:
            self.blocking[what] = str(error)
        refusal = what, key, str(error)
        at, times = self._logged.get(refusal, (now - REPEAT_SECONDS, 0))
        is_new = refusal not in self._logged
        if now - at < REPEAT_SECONDS or (what in DISPENSABLE and not is_new):
            self._logged[refusal] = at, times + 1
            return
        if is_new and len(self._logged) >= MOST_KEPT:
            self._logged = {
                known: (then, count)
                for known, (then, count) in self._logged.items()
                if now - then < REPEAT_SECONDS
            }
            if len(self._logged) >= MOST_KEPT:
                return
        self._logged[refusal] = now, 0
        write = log.warning if what in DISPENSABLE else log.error
        write(
            "redis refused a command",
            connection=self._connection,
            command=what,
            key=key,
            reason=str(error),
            times=times + 1,
        )

    def succeeded(self, command: Command) -> None:
        """Record that a command was carried out."""
        self.blocking.pop(describe(command)[0], None)


def describe(command: Command) -> tuple[str, str]:
    """Return the name of a command, or of the script that it runs, and its first key."""
    word = str(command[0])
    if word in {"EVAL", "EVALSHA"}:
        key = command[_FIRST_KEY] if len(command) > _FIRST_KEY else ""
        return f"script {_NAMES.get(str(command[1]), '?')}", _shown(key)
    return word, _shown(command[1]) if len(command) > 1 else ""


def _shown(key: bytes | str | float) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
