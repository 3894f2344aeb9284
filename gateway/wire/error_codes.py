"""The codes of ``error`` frames, and what each says of the command that was refused. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple


class Outcome(NamedTuple):
    """What became of a refused command.

    - ``temporary``: whether the same command may succeed later, without any other change;
    - ``uncertain``: whether it may have been carried out, or may yet be. Only an ``ok`` ends that:
      it is sent again with the same id.
    """

    temporary: bool
    uncertain: bool


REFUSED: Final = Outcome(temporary=False, uncertain=False)
"""It was not carried out, and will not be until something else changes."""
UNKNOWN: Final = REFUSED
"""The outcome of a code that is not in `OUTCOMES`: one of a later version."""

OUTCOMES: Final[dict[str, Outcome]] = {
    "bad_frame": REFUSED,
    "unauthorized": REFUSED,
    "forbidden": REFUSED,
    "bad_nick": REFUSED,
    "nick_taken": REFUSED,
    "bad_credentials": REFUSED,
    "bad_password": REFUSED,
    "weak_password": REFUSED,
    "bad_token": REFUSED,
    "bad_jwt": REFUSED,
    "bad_device": REFUSED,
    "bad_invite": REFUSED,
    "account_disabled": REFUSED,
    "registration_closed": REFUSED,
    "guests_off": REFUSED,
    "insecure": REFUSED,
    "banned": REFUSED,
    "nick_banned": REFUSED,
    "bad_room": REFUSED,
    "room_looks_alike": REFUSED,
    "too_many_rooms": REFUSED,
    "no_new_rooms": REFUSED,
    "not_in_room": REFUSED,
    "no_such_nick": REFUSED,
    "other_person": REFUSED,
    "gone": Outcome(temporary=False, uncertain=True),
    "id_reused": REFUSED,
    "bad_status": REFUSED,
    "too_long": REFUSED,
    "too_fast": Outcome(temporary=True, uncertain=False),
    "unavailable": Outcome(temporary=True, uncertain=True),
}
"""The outcome that follows from each code, unless the frame says another one.

For ``unavailable`` the frame of a node of this version always says what is known; the outcome here
is what has to be assumed of an earlier one.
"""
