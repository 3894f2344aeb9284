"""The reasons, in the client's words, for which a node closes a connection or ends a session."""

from __future__ import annotations

from typing import Final

from client.i18n.server_texts import CLOSINGS
from gateway.wire.close_codes import NICK_LOST, SLOW_READER

NICK_LOST_REASON: Final = CLOSINGS[NICK_LOST.code]
SLOW_READER_REASON: Final = CLOSINGS[SLOW_READER.code]
