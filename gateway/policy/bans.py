"""Bans: whom an operator keeps out, until when, and why. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal

from msgspec import Struct

from gateway.policy import names, nicknames
from gateway.wire import CommandError

Kind = Literal["nick", "session", "address"]
KINDS: Final[tuple[Kind, ...]] = ("nick", "session", "address")
FOREVER: Final = 0
"""In place of the time at which a ban ends."""

_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_SHOWN: Final = 60


class WrongTarget(ValueError):
    """What is to be kicked or banned cannot exist; the text is one line for the operator."""


class Target(Struct, frozen=True):
    """Whom an operator means.

    - ``nick``: whoever has the nickname, or one that looks the same; ``key`` is folded;
    - ``session``: the session with this public id;
    - ``address``: who comes from a network; ``key`` is one, of one address perhaps.
    """

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


class Ban(Struct, frozen=True):
    """A ban; ``made`` and ``until`` are Unix times in milliseconds.

    ``name`` is what the operator called the target by; empty if that is its key.
    """

    target: Target
    reason: str = ""
    until: int = FOREVER
    made: int = 0
    name: str = ""

    @property
    def whom(self) -> str:
        """The target as the operator wrote it."""
        return f"{self.target.kind}:{self.name}" if self.name else str(self.target)

    def holds(self, now: float) -> bool:
        """Return whether it has not ended; ``now`` is a Unix time in milliseconds."""
        return self.until == FOREVER or now < self.until


def read_target(text: str) -> Target:
    """Return whom an operator means by ``KIND:WHOM``; raises as `parse_target`."""
    kind, colon, whom = text.partition(":")
    for known in KINDS:
        if colon and kind == known:
            return parse_target(known, whom)
    raise WrongTarget(
        f"{_shown(text)} names nobody: write nick:NICKNAME, session:ID, or address:ADDRESS"
    )


def parse_target(kind: Kind, text: str) -> Target:
    """Return whom an operator means by a nickname, a session's id, an address or a network.

    A folded nickname, as bans are listed by it, is always taken, even if nobody may be called so.

    :raises WrongTarget: if it is none.
    """
    if kind == "nick":
        try:
            return Target(kind, _folded(text))
        except CommandError as error:
            raise WrongTarget(f"{_shown(text)}: {error}") from None
    if kind == "session":
        if not _SESSION.fullmatch(text):
            raise WrongTarget(f"{_shown(text)} is no session's id; `admin who` lists them")
        return Target(kind, text)
    return Target(kind, _network(text))


def _folded(nick: str) -> str:
    folded = nicknames.fold(nick)
    is_in_bounds = nicknames.MIN_CHARS <= len(nick) <= nicknames.MOST_READ
    if folded != nick or not is_in_bounds or names.unfit_character(nick) is not None:
        nicknames.check(nick, allow_unicode=True)
    return folded


def _network(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise WrongTarget(
            f"{_shown(text)} is no address or network; one looks like 192.0.2.7, 192.0.2.0/24 "
            "or 2001:db8:1:2::/64"
        ) from None
    address, _, _ = text.partition("/")
    if not network.prefixlen:
        raise WrongTarget(f"{text} is everybody")
    if "%" in text or ip_address(address) != network.network_address:
        raise WrongTarget(f"{_shown(text)} is an address in a network: write {network}")
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None:  # clients that come so are known by their IPv4 address
        return str(ip_network(f"{mapped}/{max(1, network.prefixlen - 96)}", strict=False))
    return str(network)


def time_in_words(time: int) -> str:
    """Return a Unix time in milliseconds as operators write it, in UTC."""
    return f"{datetime.fromtimestamp(time / 1000, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"


class BanList:
    """The bans that hold, found by nickname, session or address at the cost of a few look-ups."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._by_target: dict[Target, Ban] = {}
        self._networks: dict[tuple[int, int], dict[int, Ban]] = {}
        for ban in bans:
            with contextlib.suppress(ValueError):  # no network; another program has written it
                self._add(ban)

    def __len__(self) -> int:
        return len(self._by_target)

    def _add(self, ban: Ban) -> None:
        if ban.target.kind == "address":
            network = ip_network(ban.target.key)
            shift = network.max_prefixlen - network.prefixlen
            of_length = self._networks.setdefault((network.version, shift), {})
            of_length[int(network.network_address) >> shift] = ban
        self._by_target[ban.target] = ban

    def find(self, now: float, *, nick: str = "", session: str = "", host: str = "") -> Ban | None:
        """Return a ban that holds for somebody; None if there is none.

        - ``now``: a Unix time in milliseconds;
        - ``host``: an IPv4 or IPv6 address. What is empty, or no address, is banned by nothing.
        """
        if not self._by_target:
            return None
        found = [
            self._by_target.get(Target("session", session)),
            self._by_target.get(Target("nick", nicknames.fold(nick))),
            *(self._of_address(host) if host and self._networks else ()),
        ]
        return next((ban for ban in found if ban is not None and ban.holds(now)), None)

    def _of_address(self, host: str) -> Iterable[Ban | None]:
        try:
            address = ip_address(host)
        except ValueError:
            return ()
        return _containing(self._networks, address)


def _containing(
    networks: dict[tuple[int, int], dict[int, Ban]], address: IPv4Address | IPv6Address
) -> Iterable[Ban | None]:
    number = int(address)
    return (
        bans.get(number >> shift)
        for (version, shift), bans in networks.items()
        if version == address.version
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
