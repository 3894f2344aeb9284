"""Dates in words, in the language of all other texts rather than of the system."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from client.i18n.texts import N_, _

_WEEKDAYS: Final = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"),
    N_("Sunday"),
)  # fmt: skip
_MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


def in_words(day: date) -> str:
    """Return a date written out, with its weekday."""
    return _("{weekday}, {day} {month} {year}").format(
        weekday=_(_WEEKDAYS[day.weekday()]),
        day=day.day,
        month=_(_MONTHS[day.month - 1]),
        year=day.year,
    )


def moment_in_words(time: int) -> str | None:
    """Return a Unix time in milliseconds written out, in local time; None if it is no such time."""
    try:
        moment = datetime.fromtimestamp(time / 1000, tz=UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return None
    return _("{day}, {time}").format(day=in_words(moment.date()), time=f"{moment:%H:%M}")
