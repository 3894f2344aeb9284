"""A real Sentinel group for tests: a primary, its replica, and three sentinels that watch both."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import redis
import trio

from tests.movable_clock import MovableClock
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer, program
from tests.waiting import until

NAME: Final = "chat"
SENTINELS: Final = 3
HASTY: Final = 1_000
PATIENT: Final = 60_000
"""Milliseconds of silence after which the sentinels take a server for dead."""
PAUSE_MS: Final = 60_000
_DEMOTION: Final = ("replicaof", "slaveof")
_NOWHERE: Final = f"{HOST} 1"


class SentinelGroup:
    """Two servers, of which one is the primary; made by `open_group`.

    The sentinels are patient: unless `lose_primary` says so, they do nothing of their own accord.
    """

    def __init__(
        self, primary: RedisServer, replica: RedisServer, sentinels: Sequence[int]
    ) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinels = sentinels

    @property
    def servers(self) -> list[RedisServer]:
        """Both, the primary first."""
        return [self.primary, self.replica]

    def _judge_after(self, milliseconds: int) -> None:
        for port in self.sentinels:
            ask_sentinel(port, "SET", NAME, "down-after-milliseconds", milliseconds)

    async def in_step(self) -> None:
        """Wait until the replica has all that the primary had when this was called."""
        offset = self.primary.ask("ROLE")[1]

        async def caught_up() -> bool:
            role = self.replica.ask("ROLE")
            return bool(role[0] == "slave" and role[3] == "connected" and role[4] >= offset)

        await until(caught_up, "the replica to be in step")

    async def hand_over(self) -> None:
        """Have the replica become the primary while nobody may write, so that nothing is lost."""
        self.primary.ask("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        await self.in_step()

        async def handed_over() -> bool:
            if self.replica.ask("ROLE")[0] == "master":
                return True
            self._begin_failover()
            return False

        await until(handed_over, "the replica to take over")
        self.primary, self.replica = self.replica, self.primary
        # In this order: it must not carry out what waits, and acknowledge it, as a primary. And at
        # once: a sentinel that has last seen it as a primary would not let it become one next time.
        self.replica.ask("REPLICAOF", HOST, self.primary.port)
        self.replica.ask("CLIENT", "UNPAUSE")

    async def fail_over(self) -> None:
        """Promote the replica while everybody writes on, until a sentinel names it.

        Nobody tells the old primary: it takes writes for eight seconds and more, until the
        sentinels demote it.
        """
        await until(self._begin_failover, "a sentinel to begin a failover")
        await until(
            lambda: any(self.replica.port == self.named_by(port) for port in self.sentinels),
            "a sentinel to name the new primary",
        )
        self.primary, self.replica = self.replica, self.primary

    def named_by(self, sentinel: int) -> int:
        """Return the port of the primary that a sentinel names."""
        return int(ask_sentinel(sentinel, "GET-MASTER-ADDR-BY-NAME", NAME)[1])

    def _begin_failover(self) -> bool:
        """Ask for a failover; false if one is under way, or the replica has not been seen yet."""
        try:
            ask_sentinel(self.sentinels[0], "FAILOVER", NAME)
        except redis.ResponseError as error:
            if "INPROG" not in str(error) and "NOGOODSLAVE" not in str(error):
                raise
            return False
        return True

    async def lose_primary(self) -> None:
        """Kill the primary; the sentinels have the replica take over as soon as they see it."""
        self._judge_after(HASTY)
        await self.primary.kill()

    def cut_replication(self) -> None:
        """Have the replica follow nobody: what is written from now on, it does not have."""
        self.replica.ask("REPLICAOF", *_NOWHERE.split())

    async def taken_over(self) -> None:
        """Wait until the replica is the primary in place of a dead one, which then follows it."""

        async def known() -> bool:
            primaries = [ask_sentinel(port, "MASTER", NAME) for port in self.sentinels]
            return all(int(primary["port"]) == self.primary.port for primary in primaries)

        await until(lambda: self.replica.ask("ROLE")[0] == "master", "the replica to take over")
        self.primary, self.replica = self.replica, self.primary
        await until(known, "the sentinels to know the new primary")
        self._judge_after(PATIENT)
        await self.start(self.replica)
        await self.settled()

    async def start(self, server: RedisServer) -> None:
        """Start one of the two, in the part that it has now."""
        server.options.pop("replicaof", None)
        if server is self.replica:
            server.options["replicaof"] = f"{HOST} {self.primary.port}"
        await server.start()

    async def settled(self) -> None:
        """Wait until all three sentinels see what is so, and another failover may come."""
        await until(self._settled, "the sentinels to agree")
        await self.in_step()

    @contextmanager
    def no_demotion(self) -> Iterator[None]:
        """Keep today's primary from becoming a replica."""
        primary = self.primary
        primary.ask("ACL", "LOG", "RESET")
        primary.ask("ACL", "SETUSER", "default", *(f"-{command}" for command in _DEMOTION))
        try:
            yield
        finally:
            primary.ask("ACL", "SETUSER", "default", *(f"+{command}" for command in _DEMOTION))

    async def demotion_refused(self) -> None:
        """Wait until the sentinels have tried in vain to demote the old primary."""
        await until(
            lambda: self.replica.ask("ACL", "LOG"), "the sentinels to try to demote the old primary"
        )

    async def _settled(self) -> bool:
        try:
            roles = [server.ask("ROLE")[0] for server in self.servers]
            return roles == ["master", "slave"] and all(map(self._sees_all, self.sentinels))
        except redis.ConnectionError:
            return False

    def _sees_all(self, port: int) -> bool:
        primary = ask_sentinel(port, "MASTER", NAME)
        replicas = ask_sentinel(port, "REPLICAS", NAME)
        return (
            int(primary["port"]) == self.primary.port
            and primary["flags"] == "master"
            and int(primary["num-other-sentinels"]) == SENTINELS - 1
            and [(r["flags"], r["master-link-status"]) for r in replicas] == [("slave", "ok")]
        )


@asynccontextmanager
async def open_group(folder: Path, *, movable_clocks: bool = False) -> AsyncIterator[SentinelGroup]:
    """Run a primary, its replica and three sentinels that know of each other.

    With ``movable_clocks``, each of the two servers has a clock of its own that can be moved.
    """
    ports = free_port(), free_port()
    for port in ports:
        await trio.Path(folder / str(port)).mkdir()
    primary, replica = (
        RedisServer(
            folder / str(port), MovableClock(folder / str(port)) if movable_clocks else None,
            port=port, bind=HOST,
            **{"repl-diskless-sync-delay": 0, "repl-backlog-size": "64mb"},
        )
        for port in ports
    )  # fmt: skip
    replica.options["replicaof"] = f"{HOST} {ports[0]}"
    # All know of all from the start; by themselves they take seconds to find each other.
    sentinels = {free_port(): f"{number:040x}" for number in range(1, SENTINELS + 1)}
    async with primary, replica, AsyncExitStack() as stack:
        for port, its_id in sentinels.items():
            known = [f"known-replica {NAME} {HOST} {ports[1]}"] + [
                f"known-sentinel {NAME} {HOST} {other} {other_id}"
                for other, other_id in sentinels.items()
                if other != port
            ]
            running = sentinel(folder / its_id, ports[0], port=port, its_id=its_id, known=known)
            await stack.enter_async_context(running)
        group = SentinelGroup(primary, replica, list(sentinels))
        await group.settled()
        yield group


@asynccontextmanager
async def sentinel(
    folder: Path,
    primary: int,
    *,
    quorum: int = 2,
    listen: str = "port {port}",
    port: int = 0,
    its_id: str = "",
    known: Sequence[str] = (),
) -> AsyncIterator[int]:
    """Run one sentinel; gives its port once it listens.

    ``listen`` is what its configuration says of the port, and of who may come to it; ``known`` what
    it says of the servers and sentinels beside the primary and itself.
    """
    port = port or free_port()
    configuration = folder / "sentinel.conf"
    await trio.Path(folder).mkdir()
    await trio.Path(configuration).write_text(
        f"{listen.format(port=port)}\nbind {HOST}\ndir {folder}\n"
        + (f"sentinel myid {its_id}\n" if its_id else "")
        + f"sentinel monitor {NAME} {HOST} {primary} {quorum}\n"
        f"sentinel down-after-milliseconds {NAME} {PATIENT}\n"
        f"sentinel failover-timeout {NAME} 6000\n" + "".join(f"sentinel {line}\n" for line in known)
    )
    process = await trio.lowlevel.open_process(
        [await program(), str(configuration), "--sentinel"],
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        await until(lambda: _listens(port), "the sentinel to listen")
        yield port
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        await (await trio.open_tcp_stream(HOST, port)).aclose()
    except OSError:
        return False
    return True


def ask_sentinel(port: int, *command: str | int) -> Any:
    """Run one SENTINEL command."""
    client = redis.Redis(port=port, decode_responses=True)
    try:
        return client.execute_command("SENTINEL", *command)  # type: ignore[no-untyped-call]
    finally:
        client.close()
