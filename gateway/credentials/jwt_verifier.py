"""Verifies JWTs by keys from a file, or from an address at which they are published."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import trio

from gateway.auth.jwt_claims import read_header, verify_jwt
from gateway.auth.jwt_identity import BadJwt, BadKeys, JwtIdentity, JwtRules
from gateway.auth.jwt_keys import MOST_BYTES, Keys, read_keys, read_published
from gateway.credentials.jwks_address import fetch, parse_address
from gateway.process.files import CannotRead, read_bounded

FETCH_EVERY: Final = 30.0
"""Seconds between two fetches, at least: also for tokens of unknown keys, and after failures."""
FRESH_SECONDS: Final = 600.0
"""Seconds after which keys are fetched anew, so that one that was withdrawn is forgotten."""
STALE_SECONDS: Final = 3600.0
"""Seconds for which keys are used that cannot be fetched anew."""


class KeySource(Protocol):
    """Where keys come from."""

    async def current(self) -> Keys:
        """Return the keys; :raises BadJwt: ``unavailable`` if there are none."""

    async def after(self, known: Keys) -> Keys:
        """Return the keys, newer ones if there may be some: a token names one that is not here."""

    def reload(self) -> None:
        """Read them again, if they are a file; :raises BadKeys: and the old ones stay."""


class FileKeys:
    """Keys from a file, as `read_keys` says, read when the node starts and when it reloads.

    Nobody else may read a file with secrets.

    :raises BadKeys:
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys = self._read()

    async def current(self) -> Keys:
        """Return the keys."""
        return self._keys

    async def after(self, known: Keys) -> Keys:  # noqa: ARG002 - there are no newer ones
        """Return the keys."""
        return self._keys

    def reload(self) -> None:
        """Read the file again; :raises BadKeys: if that fails, and the old keys stay."""
        self._keys = self._read()

    def _read(self) -> Keys:
        name = str(self._path)
        try:
            keys = read_keys(read_bounded(self._path, name=name, most=MOST_BYTES))
            if any(key.algorithm == "HS256" for key in keys):
                read_bounded(self._path, name=name, most=MOST_BYTES, others_may=False)
        except CannotRead as error:
            raise BadKeys(str(error)) from None
        except BadKeys as error:
            raise BadKeys(f"{name}: {error}") from None
        return keys


class PublishedKeys:
    """Keys from an address, fetched when they are first needed and kept.

    - ``tls``: whose certificates are trusted; those whom the system trusts if it is None.
    - ``problem``: why the last fetch failed, for the log; '' if it did not.

    :raises BadKeys: if it is no address that may be used.
    """

    def __init__(self, address: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._address = parse_address(address)
        self._tls = tls or ssl.create_default_context()
        self._keys: Keys = ()
        self._fetched = -math.inf
        self._next_fetch = -math.inf
        self._fetching = trio.Lock()
        self.problem = ""

    async def current(self) -> Keys:
        """Return the keys, fetched if they are not fresh.

        :raises BadJwt: ``unavailable``.
        """
        if self._age() >= FRESH_SECONDS:
            await self._fetch()
        if self._age() >= STALE_SECONDS:
            raise BadJwt("unavailable")
        return self._keys

    async def after(self, known: Keys) -> Keys:
        """Return the keys, fetched unless they are others than the known ones already."""
        if self._keys is known:
            await self._fetch()
        return self._keys

    def reload(self) -> None:
        """Do nothing: they are fetched when that is due."""

    def _age(self) -> float:
        return trio.current_time() - self._fetched

    async def _fetch(self) -> None:
        """Fetch the keys, unless that was tried a moment ago; all who wait share one fetch."""
        async with self._fetching:
            now = trio.current_time()
            if now < self._next_fetch:
                return
            self._next_fetch = now + FETCH_EVERY
            # Else whoever disconnects at once could keep all others from new keys.
            with trio.CancelScope(shield=True):
                try:
                    self._keys = read_published(await fetch(self._address, self._tls))
                except BadKeys as error:
                    self.problem = str(error)
                    return
            self.problem = ""
            self._fetched = now


class JwtVerifier:
    """Says whom a JWT is about.

    - ``clock``: seconds of the Unix epoch.
    """

    def __init__(
        self, source: KeySource, rules: JwtRules, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._rules = rules
        self._clock = clock

    def reload(self) -> None:
        """Read the keys again, if they are in a file; :raises BadKeys: and the old ones stay."""
        self._source.reload()

    async def verify(self, token: str) -> JwtIdentity:
        """Return whom a token is about.

        It waits for the network only if the keys are not fresh or the token's is not among them,
        for `jwks_address.FETCH_SECONDS` at most.

        :raises BadJwt:
        """
        read_header(token)
        keys = await self._source.current()
        try:
            return verify_jwt(token, keys, self._rules, self._clock())
        except BadJwt as error:
            if error.reason not in ("key", "algorithm"):
                raise
            newer = await self._source.after(keys)
            if newer is keys:
                raise
        return verify_jwt(token, newer, self._rules, self._clock())
