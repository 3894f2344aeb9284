"""Signs out a device, and watches whether it can do anything afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from client.session import CommandError, NotConnected
from gateway import wire
from tests.faults.checkers.credentials import REVOKED_SECONDS
from tests.faults.client.account import Account, SignedIn
from tests.faults.client.chat_client import RETRY_SECONDS
from tests.faults.client.probe import ProbeConnection, probe, try_credential
from tests.faults.history import Credential, RevokedConnection

WATCH_SECONDS: Final = 5.0
"""How long a connection of a revoked device is watched at most."""
ATTEMPTS: Final = 20


async def watch_revocation(
    account: Account,
    device: SignedIn,
    revoke: Callable[[], Awaitable[None]],
    urls: Sequence[str],
) -> bool:
    """Revoke a device; return whether that was acknowledged.

    One more connection of the device is open meanwhile, on the first of these nodes. Afterwards its
    credentials are tried on all of them.
    """
    assert device.token is not None
    token = device.token
    hello = wire.Hello(id=secrets.token_hex(8), token=token.secret)
    async with probe(urls[0], hello) as witness:
        session = None
        if witness is not None and witness.welcome is not None:
            session = Credential(account.name, "session", witness.welcome.session)
            device.add(session)
        device.doubt(trio.current_time())
        if not await _is_acknowledged(revoke):
            return False
        revoked = trio.current_time()
        device.is_gone(revoked)
        if session is not None and witness is not None:
            await _watch(account, witness, urls[0], revoked)
    await trio.sleep_until(revoked + REVOKED_SECONDS)
    for url in urls:
        for credential in (token, session):
            if credential is not None:
                await try_credential(account, credential, url)
    return True


async def _is_acknowledged(revoke: Callable[[], Awaitable[None]]) -> bool:
    """Revoke, and as long as that is uncertain or impossible, again; return whether it was done."""
    for _ in range(ATTEMPTS):
        try:
            await revoke()
        except CommandError as error:
            if not error.temporary:
                return False
        except NotConnected:
            pass
        else:
            return True
        await trio.sleep(RETRY_SECONDS)
    return False


async def _watch(account: Account, witness: ProbeConnection, url: str, revoked: float) -> None:
    """Record when a connection of a revoked device is closed."""
    closed: float | None = None
    with trio.move_on_after(WATCH_SECONDS):
        await witness.ended.wait()
        closed = trio.current_time()
    account.history.revoked_connections.append(
        RevokedConnection(account.name, url, revoked, closed, trio.current_time())
    )
