"""What a measurement was made on; without that its figures mean nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio

from gateway.embedded_redis import NoRedis, find_redis


def describe(gateway: Path, **more: Any) -> dict[str, Any]:
    """Return the machine, the versions, and the commit of the gateway that was measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "trio": importlib.metadata.version("trio"),
        "redis": _redis(),
        "commit": _first_line(["git", "-C", str(gateway), "describe", "--always", "--dirty"]),
    } | more


def _redis() -> str:
    try:
        return _first_line([trio.run(find_redis), "--version"])
    except NoRedis:
        return "elsewhere"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _first_line(command: list[str]) -> str:
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.partition("\n")[0]
