"""A node with one of its promises broken, to see that the checker finds it.

``python -m tests.faults.sabotaged gaps serve …`` is ``python -m gateway serve …`` without it.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from gateway.backplane.rooms import RoomStore
from gateway.cli import main
from gateway.cluster.membership import Membership
from gateway.delivery.log_reader import LogReader

_publish = RoomStore.publish


def no_gaps() -> None:
    """Read no log again, whatever was missed."""
    LogReader.read_if_behind = lambda self, followed: False  # type: ignore[method-assign]  # noqa: ARG005


def no_idempotency() -> None:
    """Take every message for a new one."""

    async def publish(
        self: RoomStore, room: str, session: str, message_id: str, *rest: Any, **options: Any
    ) -> Any:
        another = f"{message_id}-{secrets.token_hex(4)}"
        return await _publish(self, room, session, another, *rest, **options)

    RoomStore.publish = publish  # type: ignore[method-assign]


def no_probe() -> None:
    """Never doubt the subscription."""
    Membership._check_subscription = lambda self: None  # type: ignore[method-assign]  # noqa: ARG005


SABOTAGES = {"gaps": no_gaps, "idempotency": no_idempotency, "probe": no_probe}

if __name__ == "__main__":
    SABOTAGES[sys.argv[1]]()
    main(sys.argv[2:])
