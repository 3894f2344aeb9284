"""The headless client: `open_session` and what it needs to stay connected to a cluster.

Connections, reconnecting, resending and tracking what was seen belong here. Nothing here knows how
a chat is displayed: that starts at `client.model`.
"""

from client.events import Connected, Disconnected, Ended, Event, NotRejoined, Rejoined
from client.session.connection import CannotConnect, ConnectionLost
from client.session.session import Session, open_session
from gateway.wire import CommandError

__all__ = [
    "CannotConnect", "CommandError", "Connected", "ConnectionLost", "Disconnected", "Ended",
    "Event", "NotRejoined", "Rejoined", "Session", "open_session",
]  # fmt: skip
