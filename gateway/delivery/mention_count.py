"""Counts how many unread messages of a room mention somebody. Pure, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.wire.mentions import is_mentioned
from gateway.wire.text.words import fold

MOST_COUNTED: Final = 200
"""The newest messages among which mentions are counted."""
MOST_READ_CLOSELY: Final = 16_384
"""Characters that one count reads closely, which is slow. Further texts that contain the nickname
count as mentions, even if it is within a word, code or a link there."""


class _Said(msgspec.Struct):
    """What a message says, and under which nickname."""

    sender: str = msgspec.field(name="from")
    text: str


_decoder = msgspec.json.Decoder(_Said)


def count_mentions(messages: Sequence[bytes], nick: str, own_sender: str) -> int:
    """Return how many of the newest messages mention a nickname.

    - ``messages``: as they are logged, in order; of these the last `MOST_COUNTED` are counted;
    - ``own_sender``: the nickname under which one writes oneself; such messages do not count.

    A message that cannot contain the nickname is not parsed.
    """
    wanted = fold(nick)
    in_json = msgspec.json.encode(wanted)[1:-1]
    left = MOST_READ_CLOSELY
    count = 0
    for message in messages[-MOST_COUNTED:]:
        is_ascii = message.isascii()
        if not wanted or (is_ascii and in_json not in message.lower()):
            continue
        try:
            said = _decoder.decode(message)
        except msgspec.MsgspecError:
            continue  # it is that of another program
        if said.sender == own_sender or (not is_ascii and wanted not in fold(said.text)):
            continue
        left -= len(said.text)
        count += left < 0 or is_mentioned(nick, said.text)
    return count
