"""The systemd unit starts a node with settings that exist, in a sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from gateway import config
from gateway.config import Settings

ROOT: Final = Path(__file__).parents[3]
UNIT: Final = (ROOT / "deploy/chat-gateway.service").read_text("utf-8")


def directives(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def test_its_settings_and_variables_are_settings() -> None:
    settings = config.load(
        {"settings": str(ROOT / "deploy/chat-gateway.toml")},
        dict(each.split("=", 1) for each in directives("Environment")),
    )
    assert settings.redis == "redis://chat@127.0.0.1:6379/0"
    credential = directives("LoadCredential")[0].partition(":")[0]
    assert settings.redis_password_file == f"%d/{credential}"


def test_it_is_stopped_and_started_as_a_node_expects() -> None:
    assert float(directives("TimeoutStopSec")[0]) > Settings().drain_seconds
    assert directives("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert directives("RestartPreventExitStatus") == ["2"]  # wrong settings


def test_it_has_no_rights() -> None:
    assert directives("CapabilityBoundingSet") == [""]
    assert directives("DynamicUser") == ["yes"]
    assert directives("NoNewPrivileges") == ["yes"]
    assert directives("ProtectSystem") == ["strict"]
    assert "@system-service" in directives("SystemCallFilter")
