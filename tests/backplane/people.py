"""Accounts, their sessions, and what is said between people, for tests of inboxes."""

from __future__ import annotations

from typing import Final

from gateway.auth.session_secrets import person_tag
from gateway.backplane import payloads
from gateway.backplane.conversations import Peer
from gateway.backplane.inboxes import InboxStore

ACCOUNT: Final = "0123456789abcdef"
PHONE: Final = f"{ACCOUNT}.aaaaaaaaaaaa.one"
LAPTOP: Final = f"{ACCOUNT}.bbbbbbbbbbbb.two"


async def tell(
    inboxes: InboxStore,
    text: str,
    *,
    other: str = "bob",
    own: bool = False,
    account: str = ACCOUNT,
    key: str = "",
) -> int:
    """Deliver a message between an account, called Ann, and another person; its key is its text."""
    tag = person_tag(other)
    names = ("Ann", other) if own else (other, "Ann")
    tail = payloads.encode_direct_tail(
        sender=names[0], to=names[1], text=text, id=key or text, person=tag, own=own
    )
    return await inboxes.deliver(
        account,
        inboxes.channel(account),
        key or text,
        mark=payloads.direct_mark(account),
        tail=tail,
        digest=payloads.digest_of(text),
        peer=Peer(tag, other, not own),
    )
