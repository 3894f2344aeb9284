"""Finds out whose account a client has: by password, by device token, by JSON Web Token.

Nothing here begins a session: that is done by `gateway.sessions.hello`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.auth import codes, device_tokens
from gateway.auth.device_tokens import BadDeviceToken, DeviceRecord
from gateway.auth.identity import device_id_of, new_account_id, new_device_id
from gateway.auth.jwt_identity import BadJwt, JwtIdentity
from gateway.backplane import Unavailable
from gateway.backplane.accounts import ACTIVE, DELETED, Account, AccountChanged, NoSuchAccount
from gateway.backplane.devices import CannotAddDevice, OutdatedSignIn
from gateway.backplane.durable import Uncertain
from gateway.credentials.password_hasher import HasherBusy
from gateway.policy import guessing, nicknames
from gateway.policy.registration import check_account_nick
from gateway.sessions import bans
from gateway.sessions.accounts import bad_jwt, bad_token, disabled, why_unusable
from gateway.sessions.context import NodeContext
from gateway.sessions.record import ConnectionHandle
from gateway.sessions.refusals import too_fast
from gateway.wire import CommandError, Hello
from gateway.wire.shared import LEAST_ATTEMPT_CHARS, MAX_DEVICE_CHARS

REPEATED_SECONDS: Final = 600.0
"""Seconds for which the same command is recognised as another attempt to sign in or register."""

_ATTEMPTS: Final = 3
"""Times that a sign-in is tried again because the account changed meanwhile."""

log = structlog.get_logger("accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Whose account a client has.

    - ``token``: a new device token for the client; empty if it keeps the one that it has;
    - ``change_password``: whether it came by an operator's code for one use.
    """

    account: Account
    device: str
    token: str = ""
    change_password: bool = False


def require_confidential(connection: ConnectionHandle) -> None:
    """Check that nobody else can read what a client sends; :raises CommandError: ``insecure``."""
    if not connection.confidential:
        text = "Passwords and tokens are not taken over a connection without TLS."
        raise CommandError("insecure", text)


def device_name(name: str | None) -> str:
    """Return what a device is called; :raises CommandError: ``bad_device``."""
    if name is None or not name.strip():
        return "unnamed"
    if len(name) > MAX_DEVICE_CHARS or not name.isprintable():
        text = f"The name of a device has {MAX_DEVICE_CHARS} characters, all of them visible."
        raise CommandError("bad_device", text)
    return name


class SignIn:
    """Signs in the client of one connection."""

    __slots__ = ("_connection", "context")

    def __init__(self, context: NodeContext, connection: ConnectionHandle) -> None:
        self.context = context
        self._connection = connection

    async def by(self, command: Hello) -> SignedIn:
        """Return whose account a hello proves; it has ``token``, ``jwt`` or ``password``.

        :raises CommandError: saying why it is refused; nothing has changed then.
        :raises Unavailable: if Redis does not answer.
        """
        require_confidential(self._connection)
        if command.token is not None:
            return await self._by_token(command.token)
        name = device_name(command.device)
        if command.jwt is not None:
            return await self._by_jwt(command.jwt, name)
        command_id = command.id or ""
        return await self.by_password(
            command.nick or "", command.password or "", name,
            attempt=command_id if len(command_id) >= LEAST_ATTEMPT_CHARS else "",
        )  # fmt: skip

    # --- device tokens ------------------------------------------------------------------------

    async def _by_token(self, presented: str) -> SignedIn:
        backplane, days = self.context.backplane, self.context.settings.device_days
        try:
            token = device_tokens.parse(presented)
            for _ in range(_ATTEMPTS):
                found = await backplane.accounts.read_for_sign_in(token.account, token.device)
                account, device = found.account, found.device
                if refusal := why_unusable(account, device):
                    raise refusal
                assert account is not None and device is not None  # noqa: S101, PT018
                used = device_tokens.use(device, token, found.now, unused_days=days)
                try:
                    is_recorded = await backplane.devices.record_use(
                        token.account, token.device, device, used.device
                    )
                except Uncertain:  # a new token may be lost again, so it is not given away
                    return SignedIn(account=account, device=token.device)
                if is_recorded:
                    return SignedIn(account=account, device=token.device, token=used.token)
        except BadDeviceToken as error:
            raise bad_token(error.reason) from None
        raise Unavailable("the device changes all the time")

    # --- passwords ----------------------------------------------------------------------------

    async def by_password(
        self, nick: str, password: str, name: str, *, attempt: str = ""
    ) -> SignedIn:
        """Sign in by nickname and password, which are wrong together: nothing says which is.

        With the same ``attempt``, within `REPEATED_SECONDS`, it is the same device, whose token of
        before is replaced: the answer to the earlier one was lost.
        """
        for _ in range(_ATTEMPTS):
            account, is_code = await self.check_password(nick, password)
            now = await self.context.backplane.accounts.now()
            device = await self._device_of(account.id, attempt, now)
            record, token = device_tokens.new_device(account.id, device, name, now)
            try:
                await self.context.backplane.devices.add(
                    account.id, device, record, if_version=account.version
                )
            except CannotAddDevice:
                raise disabled() from None
            except OutdatedSignIn:
                continue
            return SignedIn(account=account, device=device, token=token, change_password=is_code)
        raise Unavailable("the account changes all the time")

    async def _device_of(self, account: str, attempt: str, now: int) -> str:
        """Return the id of the device that an attempt signs in."""
        if not attempt:
            return new_device_id()
        device = device_id_of(account, attempt)
        made = await self.context.backplane.devices.get(account, device)
        is_older = made is not None and now - made.made > REPEATED_SECONDS
        return new_device_id() if is_older else device

    async def check_password(self, nick: str, password: str) -> tuple[Account, bool]:
        """Return the account that has a nickname and a password, if there is one.

        The second part is whether it was an operator's code, which stands for the password until
        there is a new one.

        :raises CommandError: ``bad_credentials``, ``account_disabled``, or ``too_fast``.
        """
        backplane = self.context.backplane
        folded = nicknames.fold(nick) if len(nick) <= nicknames.MOST_READ else ""
        await self._require_pace(folded)
        account = await self._active(folded)
        hasher = self.context.passwords
        try:
            is_right = await hasher.verify(account.password if account else "", password)
        except HasherBusy as busy:
            raise too_fast(str(busy), busy.retry_after) from None
        is_code = not is_right and account is not None and await self._is_code(account, password)
        if account is None or not (is_right or is_code):
            self.context.metrics.counts.wrong_passwords += 1
            raise CommandError("bad_credentials", "No account has this nickname and password.")
        await backplane.guesses.succeeded(folded, self._connection.limited_as)
        if account.state != ACTIVE:
            raise disabled()
        if is_right and hasher.needs_rehash(account.password):
            await self._rehash(account, password)
        return account, is_code

    async def _active(self, folded: str) -> Account | None:
        """Return the account that has a nickname, unless it was deleted."""
        accounts = self.context.backplane.accounts
        found = await accounts.find(folded) if folded else ""
        account = await accounts.read(found) if found else None
        return None if account is None or account.state == DELETED else account

    async def _is_code(self, account: Account, typed: str) -> bool:
        """Return whether an operator has given somebody this code in place of a password."""
        code = codes.parse(typed)
        if code is None or not account.reset:
            return False
        if account.reset_until <= await self.context.backplane.accounts.now():
            return False
        return hmac.compare_digest(codes.hash_code(code), account.reset)

    async def _rehash(self, account: Account, password: str) -> None:
        """Store a hash by the present parameters; the old one goes on to work if that fails."""
        try:
            encoded = await self.context.passwords.hash(password)
            await self.context.backplane.accounts.rehash(
                account.id, encoded, if_version=account.version
            )
        except (HasherBusy, AccountChanged, NoSuchAccount, Unavailable) as error:
            log.info("password not hashed again", reason=str(error) or type(error).__name__)

    async def _require_pace(self, folded: str) -> None:
        """Count an attempt; :raises CommandError: ``too_fast`` if it comes before its time."""
        guesses = self.context.backplane.guesses
        address = self._connection.limited_as
        known = await guesses.read(folded, address)
        if (wait := guessing.wait(*known)) > 0.0:
            raise too_fast("Too many wrong passwords.", wait)
        if not await guesses.attempt(folded, address, known):
            raise too_fast("Too many passwords are tried at once.", 1.0)

    # --- JSON Web Tokens ----------------------------------------------------------------------

    async def _by_jwt(self, jwt: str, name: str) -> SignedIn:
        identity = await self.verify_jwt(jwt)
        account = await self._account_of(identity)
        if identity.issued <= account.jwt_since:
            raise bad_jwt("revoked", "The token is from before a device was signed out.")
        device = hashlib.sha256(f"{account.id} {name}".encode()).hexdigest()[:12]
        now = await self.context.backplane.accounts.now()
        record = DeviceRecord(name=name, made=now, seen=now, renewed=int(identity.expires))
        try:
            await self.context.backplane.devices.add(account.id, device, record)
        except CannotAddDevice:
            raise disabled() from None
        return SignedIn(account=account, device=device)

    async def verify_jwt(self, jwt: str) -> JwtIdentity:
        """Return whose JSON Web Token this is; :raises CommandError: ``bad_jwt``."""
        if self.context.jwt is None:
            raise bad_jwt("off", "This server takes no JSON Web Tokens.")
        try:
            return await self.context.jwt.verify(jwt)
        except BadJwt as error:
            raise bad_jwt(error.reason, str(error)) from None

    async def _account_of(self, identity: JwtIdentity) -> Account:
        """Return the account of an outside identity, which is made at its first sight."""
        accounts = self.context.backplane.accounts
        found = await accounts.find_subject(identity.issuer, identity.subject)
        if found and (account := await accounts.read(found)) is not None:
            return account
        settings = self.context.settings
        nick = nicknames.check(identity.nick, allow_unicode=settings.unicode_nicks)
        check_account_nick(nick, prefix=settings.guest_prefix)
        if ban := self.context.bans.find(nick=nick):
            raise bans.refusal(ban, nick)
        # The same id for all who come at the same time, and after an attempt that was broken off.
        owner = await accounts.claim_subject(
            identity.issuer, identity.subject, found or new_account_id()
        )
        account = Account(
            id=owner, nick=nick, folded=nicknames.fold(nick),
            issuer=identity.issuer, subject=identity.subject,
        )  # fmt: skip
        if await accounts.register(account) != "ok":
            text = f"The nickname {nick} of this identity is taken."
            raise CommandError("nick_taken", text, reason="registered")
        return account
