"""The devices of an account in words."""

from __future__ import annotations

from typing import Final

from client.i18n.days import moment_in_words
from client.i18n.texts import _, ngettext
from gateway import wire

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_MOST_DAYS: Final = 14


def last_seen_text(device: wire.Device, now: int) -> str:
    """Return when a device was used last; the server knows the hour."""
    if device.current:
        return _("this device")
    ago = max(0, now - device.last_seen)
    if ago < 2 * _HOUR:
        return _("used within the last two hours")
    if ago < _DAY:
        hours = ago // _HOUR
        return ngettext("used {n} hour ago", "used {n} hours ago", hours).format(n=hours)
    days = ago // _DAY
    if days <= _MOST_DAYS:
        return ngettext("used {n} day ago", "used {n} days ago", days).format(n=days)
    return _("used on {day}").format(day=moment_in_words(device.last_seen) or "?")
