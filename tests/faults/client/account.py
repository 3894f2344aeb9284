"""An account of a run: what its devices share, and what is certain of its credentials. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import trio

from client.session import Password, Registration
from tests.faults.generator import OperationGenerator
from tests.faults.history import Credential, CredentialUse, NickOwnership, RunHistory


class SignedIn:
    """A device that is signed in: its tokens and the secrets of its sessions, until it is revoked.

    - ``device``: its id; empty until the first welcome
    - ``revoked``: when its revocation was acknowledged
    """

    def __init__(self, account: Account) -> None:
        self.device = ""
        self.revoked: float | None = None
        self._account = account
        self._credentials: list[Credential] = []

    @property
    def token(self) -> Credential | None:
        """The newest token."""
        tokens = [each for each in self._credentials if each.kind == "token"]
        return tokens[-1] if tokens else None

    @property
    def is_revoked(self) -> bool:
        """Whether its revocation was acknowledged."""
        return self.revoked is not None

    def keep_token(self, secret: str, now: float) -> None:
        """Take a new token; the one before is worth nothing once this one is used."""
        if self.token is not None:
            self.token.doubtful = now
        self.add(Credential(self._account.name, "token", secret, since=now))

    def add(self, credential: Credential) -> None:
        """Take a credential, which ends with the device."""
        self._credentials.append(credential)
        self._account.history.credentials.append(credential)

    def doubt(self, now: float) -> None:
        """Record that the revocation is asked for."""
        for each in self._credentials:
            each.doubtful = now if each.doubtful is None else each.doubtful

    def is_gone(self, now: float) -> None:
        """Record that the revocation was acknowledged."""
        self.revoked = now
        for each in self._credentials:
            each.revoked = now


class Account:
    """One person with an account.

    - ``name``: in the history; ``nick``: the nickname, as far as is known
    - ``turn``: held by whoever changes a credential or the nickname, or needs them unchanged
    - ``registered_at``: when it was told that the account is made; infinite before
    - ``signed_in``: the devices, by their number
    - ``generation``: grows when another account is made in its place
    """

    def __init__(self, name: str, generator: OperationGenerator, history: RunHistory) -> None:
        self.name = self.nick = name
        self.history = history
        self.turn = trio.Lock()
        self.signed_in: dict[int, SignedIn] = {}
        self._generator = generator
        self._numbers = itertools.count(1)
        self._ownership: NickOwnership | None = None
        self.generation = 0
        self.begin_anew(name)

    @property
    def is_registered(self) -> bool:
        """Whether it was ever told that the account is made."""
        return math.isfinite(self.registered_at)

    def begin_anew(self, nick: str | None = None) -> None:
        """Make up another account, in place of one that was lost or could not be made."""
        self.nick = nick or self._generator.other_nick()
        self.registered_at = math.inf
        self._was_certain = True
        """Whether the password was certain when its last change was asked for."""
        self.generation += 1
        self._disown(None)
        self.passwords = [self.new_password()]
        """Those that may be right, the most likely one first."""
        self.signed_in.clear()
        self.registration = Registration(self.nick, self.passwords[0].secret, device="device 1")

    def other_nick(self) -> str:
        """Return another nickname for it."""
        return self._generator.other_nick()

    def new_password(self) -> Credential:
        """Make up a password, which is not valid yet."""
        credential = Credential(self.name, "password", self._generator.password())
        self.history.credentials.append(credential)
        return credential

    def sign_in(self, device: str) -> Password:
        """Return how a device signs in by the password that is most likely right."""
        return Password(self.nick, self.passwords[0].secret, device)

    # --- what becomes of it -------------------------------------------------------------------

    def registered(self, now: float) -> None:
        """Record that the registration was acknowledged."""
        self.registered_at = now
        self.passwords[0].since = now
        self.is_called(self.nick, now)

    def tried(
        self,
        credential: Credential,
        invoked_at: float,
        now: float,
        *,
        accepted: bool,
        where: str = "",
    ) -> None:
        """Record what became of trying a credential."""
        use = CredentialUse(credential, invoked_at, now, accepted, where)
        self.history.credential_uses.append(use)

    def password_refused(self) -> None:
        """Go on with another password that may be right, or with another account."""
        self.passwords.pop(0)
        if not self.passwords:
            self.begin_anew()

    def changes_password(self, now: float) -> Credential:
        """Record that another password is asked for; return it."""
        self._was_certain = self.passwords[0].doubtful is None
        if self._was_certain:
            self.passwords[0].doubtful = now
        self.passwords.insert(0, self.new_password())
        return self.passwords[0]

    def changed_password(self, now: float) -> None:
        """Record that the newest password was acknowledged; earlier ones stay known, last."""
        for each in self.passwords[1:]:
            each.revoked = now
        self.passwords[0].since = now

    def kept_password(self) -> None:
        """Record that the newest password was refused for good, so that the one before stays."""
        self.passwords.pop(0)
        if self._was_certain:
            self.passwords[0].doubtful = None

    def doubt_password(self) -> None:
        """Try another password next time, if another may be right."""
        self.passwords.append(self.passwords.pop(0))

    def renames(self, now: float) -> None:
        """Record that another nickname is asked for: from now on this one may be free."""
        self._disown(now)

    def is_called(self, nick: str, now: float) -> None:
        """Record that a node said that this is the nickname."""
        if self._ownership is None or self._ownership.nick != nick:
            self._disown(now)
            self._ownership = NickOwnership(self.name, nick, now, reserved=True)
            self.history.ownerships.append(self._ownership)
        self.nick = nick

    def _disown(self, now: float | None) -> None:
        if self._ownership is not None:
            self._ownership.until = now if now is not None else self._ownership.since
            self._ownership = None


def revoked_credentials(history: RunHistory) -> Iterator[Credential]:
    """Yield the tokens and sessions that must not be accepted any more."""
    for each in history.credentials:
        if each.kind != "password" and each.revoked is not None:
            yield each
