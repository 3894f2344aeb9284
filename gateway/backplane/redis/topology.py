"""Which Redis server to connect to: a fixed one, or the one that sentinels name."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

import structlog
import trio

from gateway.backplane.redis.connection import RedisConnectionLost
from gateway.backplane.redis.errors import Unsuitable
from gateway.backplane.redis.primary import PrimaryView
from gateway.backplane.redis.sentinel import UNKNOWN_NAME, open_sentinel
from gateway.backplane.redis.server import HIGHEST_PORT, RedisEndpoint, Topology, read_options

ASK_SECONDS: Final = 0.5
"""Seconds between questions to each sentinel, if it announces nothing."""
ANSWER_SECONDS: Final = 0.75
"""Seconds that a sentinel may take to answer. Two failed attempts must be over before the last
answer is older than `CERTAIN_SECONDS`."""
AGAIN_SECONDS: Final = 0.1
"""Seconds until a sentinel is asked again after one failed attempt."""
AWAY_SECONDS: Final = (0.5, 1.0)
"""Bounds of that pause, in seconds, after further failed attempts."""

_DENIED: Final = ("NOAUTH ", "NOPERM ", "WRONGPASS ")
"""The beginnings of errors of sentinels that refuse the URL's user or password."""
_SERVER_SCHEMES: Final = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SENTINEL_PORT: Final = 26379
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")

log = structlog.get_logger("redis")


def topology_from_url(
    url: str, *, password: str | None = None, sentinel_password: str | None = None
) -> Topology:
    """Return the topology of a URL, which names one server or the sentinels of several.

    The passwords are for a URL that has none itself.

    :raises ValueError: saying what is wrong, without repeating a password.
    """
    if url.partition("://")[0] in _SERVER_SCHEMES:
        found = Sentinels.from_url(url)
        return Sentinels(
            found.name,
            tuple(_with_password(each, sentinel_password) for each in found.sentinels),
            _with_password(found.server, password),
        )
    if sentinel_password is not None:
        raise ValueError("a password for sentinels needs a redis+sentinel:// URL")
    return _with_password(RedisEndpoint.from_url(url), password)


def _with_password(server: RedisEndpoint, password: str | None) -> RedisEndpoint:
    if password is None:
        return server
    if server.password is not None:
        raise ValueError("the URL has a password already: leave one of the two out")
    return replace(server, password=password)


class Sentinels:
    """A topology in which sentinels name the primary.

    ``server`` has everything but the primary's address: credentials, database, TLS.
    """

    def __init__(
        self, name: str, sentinels: tuple[RedisEndpoint, ...], server: RedisEndpoint
    ) -> None:
        self.name = name
        self.sentinels = sentinels
        self.server = server
        self._view = PrimaryView([sentinel.place for sentinel in sentinels])
        self._view_changed = trio.Event()
        self._watched = False
        self._found: str | None = None
        """The place of the server that `find` returned last."""

    @property
    def place(self) -> str:
        """The primary's name, which stays the same."""
        return f"sentinel/{self.name}"

    @property
    def database(self) -> int:
        """The number of the database, on whichever server is the primary."""
        return self.server.database

    @classmethod
    def from_url(cls, url: str) -> Sentinels:
        """Return the sentinels of a URL, with the primary that they are asked for.

        It is ``redis+sentinel://[user:password@]host:port,host:port/NAME[/db][?options]``. User and
        password are for Redis; those for the sentinels, if they require any, are the options
        ``sentinel_username`` and ``sentinel_password``. With ``rediss+sentinel://`` all connections
        use TLS, with the same options as in a ``rediss://`` URL.

        :raises ValueError: saying what is wrong, without repeating a password.
        """
        scheme, _, rest = url.partition("://")
        rest, _, query = rest.partition("?")
        credentials, at, rest = rest.rpartition("@")
        places, _, rest = rest.partition("/")
        name, _, database = rest.partition("/")
        if not name:
            raise ValueError(f"a {scheme}:// URL ends with /NAME, the primary's name")
        if database and not database.isdecimal():
            raise ValueError(f"{database!r} is no number of a database")
        options = read_options(query)
        own = {option: options.pop(option, None) for option in _SENTINEL_OPTIONS}
        server = RedisEndpoint.from_url(
            f"{_SERVER_SCHEMES[scheme]}://{quote(credentials, safe=':%')}{at}"
            f"primary/{database}?{urlencode(options)}"
        )
        sentinel = RedisEndpoint(
            place="",
            username=own["sentinel_username"],
            password=own["sentinel_password"],
            tls=server.tls,
        )
        return cls(
            name,
            tuple(_at(sentinel, *_address(place)) for place in places.split(",")),
            replace(server, must_be_primary=True),
        )

    async def find(self) -> RedisEndpoint:
        """Return the primary, once enough sentinels have answered.

        Asks them, unless `watch` does so already.

        :raises OSError: if none of them answers.
        :raises Unsuitable: if all of them refuse, or know no primary of this name.
        """
        primary = await (self._named() if self._watched else self._ask_once())
        self._found = primary.place
        return primary

    async def _ask_once(self) -> RedisEndpoint:
        asked = Sentinels(self.name, self.sentinels, self.server)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked._follow_all, lambda: None)
            await asked._settled()
            nursery.cancel_scope.cancel()
        return await asked._named()

    async def _named(self) -> RedisEndpoint:
        await self._settled()
        primary, problems = self._view.primary, self._view.problems
        common = self._view.common_problem
        if primary is None and common.startswith(UNKNOWN_NAME):
            raise Unsuitable(
                f"no sentinel watches a primary called {self.name!r}: the URL ends with a name "
                "that SENTINEL MASTERS lists"
            )
        if primary is None and common.startswith(_DENIED):
            raise Unsuitable(
                f"the sentinels refuse us: {common} (sentinel_username and sentinel_password are "
                "options of the URL)"
            )
        if primary is None or problems is not None:
            raise OSError(f"no sentinel knows the primary: {problems}")
        return _at(self.server, primary.host, primary.port)

    async def _settled(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._view.settled:
            await self._view_changed.wait()

    async def certain(self) -> None:
        """Wait until each reachable sentinel has answered a question of the last `CERTAIN_SECONDS`.

        Returns at once, unless this process was suspended.
        """
        while trio.current_time() > self._view.certain_until:
            await self._view_changed.wait()
        # A task that was woken and cancelled in the same moment must not go on.
        await trio.lowlevel.checkpoint_if_cancelled()

    async def watch(self, on_moved: Callable[[], None]) -> None:
        """Ask all sentinels; call ``on_moved`` when they name another primary than `find` did."""
        self._watched = True
        await self._follow_all(on_moved)

    async def _follow_all(self, on_moved: Callable[[], None]) -> None:
        async with trio.open_nursery() as nursery:
            for sentinel in self.sentinels:
                nursery.start_soon(self._follow, sentinel, on_moved)

    async def _follow(self, sentinel: RedisEndpoint, on_moved: Callable[[], None]) -> None:
        """Ask one sentinel, reconnecting whenever that fails; never returns."""
        while True:
            problem = await self._ask(sentinel, on_moved)
            with self._changing(sentinel, on_moved):
                new = self._view.failed(sentinel.place, problem, trio.current_time())
            if new and self._watched:
                log.warning("sentinel away", sentinel=sentinel.place, reason=problem)
            await trio.sleep(AGAIN_SECONDS if new else random.uniform(*AWAY_SECONDS))  # noqa: S311

    async def _ask(self, sentinel: RedisEndpoint, on_moved: Callable[[], None]) -> str:
        """Ask one sentinel on one connection until that fails; return why."""
        self._view.asks(sentinel.place, trio.current_time())
        try:
            with trio.move_on_after(ANSWER_SECONDS) as answering:
                async with open_sentinel(sentinel) as asked:
                    while True:
                        named = await asked.primary(self.name)
                        answering.deadline = math.inf
                        with self._changing(sentinel, on_moved):
                            self._view.answered(sentinel.place, named, trio.current_time())
                        await asked.news(ASK_SECONDS)
                        self._view.asks(sentinel.place, trio.current_time())
                        answering.deadline = trio.current_time() + ANSWER_SECONDS
        except (OSError, UnicodeError, RedisConnectionLost) as error:
            return str(error) or "no answer"
        return "no answer"

    @contextmanager
    def _changing(self, sentinel: RedisEndpoint, on_moved: Callable[[], None]) -> Iterator[None]:
        """Change the view in this context; then act on a new primary, and wake who waits."""
        yield
        primary, before = self._view.primary, self._found
        if primary is not None and before not in {None, primary.place}:
            self._found = primary.place
            log.warning(
                "the primary has moved",
                name=self.name, old=before, new=primary.place, epoch=primary.epoch,
                sentinel=sentinel.place,
            )  # fmt: skip
            on_moved()  # first: tasks in `certain` must not continue with the old one
        self._view_changed.set()
        self._view_changed = trio.Event()


def _at(server: RedisEndpoint, host: str, port: int) -> RedisEndpoint:
    return replace(server, host=host, port=port, place=f"{host}:{port}")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(_SENTINEL_PORT))
    if not host or not port.isdecimal() or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError(f"{text!r} is not the host:port of a sentinel")
    return host.strip("[]"), int(port)
