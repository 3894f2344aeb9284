"""A node with one of its promises broken, to see that the checkers find it.

``python -m tests.faults.sabotaged gaps serve …`` is ``python -m gateway serve …`` with ``gaps``
of `SABOTAGES` applied.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import trio

from client.session.pending_sends import PendingSends
from gateway.backplane.revocations import Revoker
from gateway.backplane.rooms import RoomStore
from gateway.cli import main
from gateway.delivery.log_reader import LogReader

_publish = RoomStore.publish


def no_gaps() -> list[str]:
    """Read no log, whatever was missed."""
    LogReader.read_if_behind = lambda *_: False  # type: ignore[method-assign]
    return []


def no_idempotency() -> list[str]:
    """Take every message for a new one, though it has an id that was there before."""

    async def publish(
        self: RoomStore, room: str, session: str, message_id: str, *rest: Any, **options: Any
    ) -> Any:
        another = f"{message_id}-{secrets.token_hex(4)}"
        return await _publish(self, room, session, another, *rest, **options)

    RoomStore.publish = publish  # type: ignore[method-assign]
    return []


def no_revocations() -> list[str]:
    """Confirm that devices are signed out, and let them be."""

    async def revoke(_revoker: Revoker, _account: str, names: Collection[str]) -> list[str]:
        await trio.lowlevel.checkpoint()
        return list(names)

    Revoker.revoke = revoke  # type: ignore[method-assign, assignment]
    return []


def no_probe() -> list[str]:
    """Never check whether the subscription still delivers."""
    return ["--probe-seconds", "0"]


SABOTAGES: Final[dict[str, Callable[[], list[str]]]] = {
    "gaps": no_gaps,
    "idempotency": no_idempotency,
    "probe": no_probe,
    "revocations": no_revocations,
}
"""Each changes this process for good, and returns flags for the node."""


@contextmanager
def sabotaged_client(sabotage: str | None) -> Iterator[None]:
    """Break in the clients what would hide a sabotage of the nodes.

    A client that hears what it has sent does not send it again: nodes would see no repetition.
    """
    if sabotage == "idempotency":
        with patch.object(PendingSends, "heard", return_value=False):
            yield
    else:
        yield


if __name__ == "__main__":
    flags = SABOTAGES[sys.argv[1]]()
    main([*sys.argv[2:], *flags])
