"""Redis as docker-compose.yml starts it: who comes in, and what they may do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import redis
import trio

from tests import PATIENCE
from tests.nodes import open_cluster
from tests.redis_server import RedisServer, program
from tests.waiting import until

ROOT: Final = Path(__file__).parents[2]


class Deployed:
    """A Redis with the configuration and the users of the deployment, in a folder of its own."""

    def __init__(self, volumes: Path) -> None:
        self.socket = volumes / "redis.sock"
        self.node_password = volumes / "redis-password/password"
        self.operator_password = volumes / "redis-users/operator-password"

    def client(self, user: str | None = None, password: str | None = None) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=str(self.socket), username=user, password=password, protocol=2
        )


@pytest.fixture
async def deployed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployed]:
    volumes = tmp_path_factory.mktemp("volumes")
    for name in ("redis-password", "redis-users", "redis-data", "certificate"):
        (volumes / name).mkdir()
    await trio.run_process(
        [sys.executable, ROOT / "deploy/first_start.py", volumes],
        env={"PYTHONPATH": str(ROOT)},
        capture_stdout=True,
    )
    found = Deployed(volumes)
    process = await trio.lowlevel.open_process(
        [
            await program(), ROOT / "deploy/redis.conf", "--port", "0",
            "--unixsocket", found.socket, "--dir", volumes / "redis-data",
            "--aclfile", volumes / "redis-users/users.acl",
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:

        async def listens() -> bool:
            assert process.poll() is None
            return found.socket.exists()

        with trio.fail_after(PATIENCE):
            await until(listens, "Redis to listen")
        yield found
    finally:
        process.kill()
        await process.wait()


async def test_nobody_comes_in_without_the_password(deployed: Deployed) -> None:
    with pytest.raises(redis.AuthenticationError), deployed.client() as stranger:
        stranger.ping()
    for user in ("default", "chat", "operator"):
        for password in ("", "change-me"):
            with (
                pytest.raises(redis.AuthenticationError),
                deployed.client(user, password) as stranger,
            ):
                stranger.execute_command("AUTH", user, password)


async def test_a_node_may_do_no_more_than_it_needs(deployed: Deployed) -> None:
    password = deployed.node_password.read_text().strip()
    with deployed.client("chat", password) as node:
        assert node.execute_command("SET", "chat:key", "value")
        for command in ("CONFIG GET *", "FLUSHALL", "KEYS *", "ACL LIST", "SAVE"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                node.execute_command(*command.split())
        with pytest.raises(redis.exceptions.NoPermissionError):
            node.execute_command("SET", "other:key", "value")


async def test_the_operator_may_do_everything_and_nothing_is_evicted(deployed: Deployed) -> None:
    password = deployed.operator_password.read_text().strip()
    with deployed.client("operator", password) as operator:
        assert operator.ping()
        memory = operator.info("memory")
        assert memory["maxmemory_policy"] == "noeviction"
        assert memory["maxmemory"] == 512 * 1024 * 1024
        assert operator.info("persistence")["aof_enabled"]


async def test_a_node_comes_in_with_the_password_in_a_file(
    deployed: Deployed, redis_server: RedisServer
) -> None:
    async with open_cluster(redis_server, 0) as cluster:
        node = await cluster.add_node(
            redis=f"unix://chat@{deployed.socket}", redis_password_file=deployed.node_password
        )
        await node.ready()
        shown = str(node.process.args)
        assert deployed.node_password.read_text().strip() not in shown


async def test_a_wrong_password_in_a_file_is_one_line_and_status_2(
    deployed: Deployed, tmp_path: Path
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wr0ng\n")
    done = await trio.run_process(
        [
            sys.executable, "-m", "gateway", "serve", "--port", "0",
            "--redis", f"unix://chat@{deployed.socket}", "--redis-password-file", wrong,
        ],
        check=False, capture_stdout=True, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = done.stdout.decode()
    assert (done.returncode, said.count("\n")) == (2, 1)
    assert "WRONGPASS" in said
    assert "wr0ng" not in said
