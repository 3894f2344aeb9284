"""The Lua scripts: each is atomic in Redis and touches the keys of one hash slot only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final


@dataclass(frozen=True)
class Script:
    """A script's source and the SHA-1 that Redis knows it by."""

    source: str
    sha: str

    @classmethod
    def load(cls, name: str) -> Script:
        """Read ``name.lua`` from beside this file."""
        source = resources.files(__name__).joinpath(f"{name}.lua").read_text("utf-8")
        return cls(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


PUBLISH: Final = Script.load("publish")
ADDRESS: Final = Script.load("address")
DELIVER: Final = Script.load("deliver")
JOIN: Final = Script.load("join")
LEAVE: Final = Script.load("leave")
SNAPSHOT: Final = Script.load("snapshot")
RENEW_EPOCH: Final = Script.load("renew_epoch")
CLAIM: Final = Script.load("claim")
RESUME: Final = Script.load("resume")
RELEASE: Final = Script.load("release")
BEAT: Final = Script.load("beat")

ALL_SCRIPTS: Final = (
    PUBLISH, ADDRESS, DELIVER, JOIN, LEAVE, SNAPSHOT, RENEW_EPOCH, CLAIM, RESUME, RELEASE, BEAT,
)  # fmt: skip
