"""When a device was used last, in words."""

from __future__ import annotations

import pytest

from client.model.devices import last_seen_text
from gateway import wire
from tests.unit.client.model.chatting import NOON

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (0, "used within the last two hours"),
        (-HOUR, "used within the last two hours"),
        (2 * HOUR, "used 2 hours ago"),
        (23 * HOUR, "used 23 hours ago"),
        (24 * HOUR, "used 1 day ago"),
        (14 * 24 * HOUR, "used 14 days ago"),
    ],
)
def test_when_it_was(ago: int, text: str) -> None:
    assert last_seen_text(wire.Device(id="d", name="vm", last_seen=NOON - ago), NOON) == text


def test_long_ago_is_a_date() -> None:
    device = wire.Device(id="d", name="vm", last_seen=NOON - 40 * 24 * HOUR)
    assert last_seen_text(device, NOON).startswith("used on Wednesday, 14 October 2026")


def test_this_device_is_marked() -> None:
    device = wire.Device(id="d", name="vm", last_seen=0, current=True)
    assert last_seen_text(device, NOON) == "this device"
