"""The Lua scripts: each is atomic in Redis and touches the keys of one hash slot only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final


@dataclass(frozen=True)
class Script:
    """A script's source and the SHA-1 that Redis knows it by; its name is for logs."""

    name: str
    source: str
    sha: str

    @classmethod
    def load(cls, *names: str) -> Script:
        """Read files ``name.lua`` from beside this one; the first ones are what the last needs."""
        folder = resources.files(__name__)
        source = "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
        sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        return cls(names[-1], source, sha)


PUBLISH: Final = Script.load("log", "publish")
ADDRESS: Final = Script.load("log", "address")
DELIVER: Final = Script.load("log", "deliver")
MOVE: Final = Script.load("move")
JOIN: Final = Script.load("join")
LEAVE: Final = Script.load("leave")
SNAPSHOT: Final = Script.load("snapshot")
ERASE: Final = Script.load("erase")
RENEW_EPOCH: Final = Script.load("renew_epoch")
CLAIM: Final = Script.load("claim")
RESUME: Final = Script.load("resume")
RELEASE: Final = Script.load("release")
BEAT: Final = Script.load("beat")

ALL_SCRIPTS: Final = (
    PUBLISH, ADDRESS, DELIVER, MOVE, JOIN, LEAVE, SNAPSHOT, ERASE, RENEW_EPOCH, CLAIM, RESUME,
    RELEASE, BEAT,
)  # fmt: skip
