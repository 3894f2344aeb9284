"""What is read of accounts when the faults are over: everybody signs in by password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from client.session import CannotConnect, ClientSession, CommandError, NotConnected, open_session
from tests.faults.client.account import Account
from tests.faults.client.chat_client import RETRY_SECONDS
from tests.faults.client.probe import try_credential
from tests.faults.generator import person_of
from tests.faults.history import ConversationRead, LoggedMessage

PAGE: Final = 200


async def read_account(account: Account, accounts: Sequence[Account], urls: Sequence[str]) -> None:
    """Sign in by password and read all conversations; then try what must not be accepted."""
    while account.is_registered and account.passwords:
        password, began = account.passwords[0], trio.current_time()
        try:
            async with open_session(urls, account.sign_in("reader")) as session:
                account.tried(password, began, trio.current_time(), accepted=True)
                await _read_conversations(session, account, accounts)
        except CommandError as error:
            if error.code == "bad_credentials":
                account.tried(password, began, trio.current_time(), accepted=False)
                account.passwords.pop(0)
        except (CannotConnect, NotConnected):
            await trio.sleep(RETRY_SECONDS)
        else:
            break
    for device in account.signed_in.values():
        if device.token is not None:
            await try_credential(account, device.token, urls[0])
    for password in account.passwords[1:2]:
        await try_credential(account, password, urls[0])


async def _read_conversations(
    session: ClientSession, account: Account, accounts: Sequence[Account]
) -> None:
    person = person_of(account.name)
    partners = {
        partner
        for send in account.history.direct_sends
        for pair in [(person_of(send.client), person_of(send.target))]
        if person in pair
        for partner in pair
    } - {person}
    for other in accounts:
        if other.is_registered and (name := person_of(other.name)) in partners:
            messages = await _read_conversation(session, other.nick)
            account.history.conversations.append(
                ConversationRead(
                    person, name, messages, since=max(account.registered_at, other.registered_at)
                )
            )


async def _read_conversation(session: ClientSession, nick: str) -> tuple[LoggedMessage, ...]:
    """Return all direct messages between the session's owner and somebody, in order."""
    messages: list[LoggedMessage] = []
    before: int | None = None
    while True:
        try:
            page = await session.account.history_with(nick, before=before, limit=PAGE)
        except CommandError as error:
            if error.code != "no_such_nick":
                raise
            return tuple(messages)
        messages = [(each.seq, each.text) for each in page.directs] + messages
        before = page.before
        if not page.more:
            return tuple(messages)
