"""One's own status while nobody is at the window."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client import events
from client.desktop.control.idleness import IDLE_SECONDS
from client.desktop.control.own_status import OwnStatus
from client.model import Chat

ACCOUNT = events.AccountState(account="a", role="user", device="d")


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param(None, [("away", ""), ("online", "")], id="a guest is away"),
        pytest.param(ACCOUNT, [True, False], id="of an account, only this device is idle"),
    ],
)
async def test_what_is_told_of_somebody_who_does_nothing_and_comes_back(
    mock_clock: MockClock, account: events.AccountState | None, expected: list[object]
) -> None:
    chat, told = Chat(), list[object]()
    chat.account = account
    status = OwnStatus(chat, lambda *status: told.append(status), told.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(status.watch)
        await wait_all_tasks_blocked()
        mock_clock.jump(IDLE_SECONDS)
        await wait_all_tasks_blocked()
        status.note_activity()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert told == expected
