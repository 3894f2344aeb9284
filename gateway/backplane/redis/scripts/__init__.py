"""The Lua scripts: each is atomic in Redis and touches the keys of one hash slot only.

A script publishes only on channels of the slot of its keys; what is for another channel it returns,
and the caller publishes it. ``who`` in scripts is a member line (`gateway.backplane.member_line`).

To add a script: a file ``name.lua`` here, a constant below, an entry in `ALL_SCRIPTS`; a store in
`gateway.backplane` runs it with `Link.run_script`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final

Command = tuple[bytes | str | float, ...]


@dataclass(frozen=True)
class Script:
    """A script: its name in logs, its source, and the SHA-1 by which Redis finds it."""

    name: str
    source: str
    sha: str

    @classmethod
    def load(cls, *names: str) -> Script:
        """Return the last of these scripts, after the text of those that it needs."""
        folder = resources.files(__name__)
        source = "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
        sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        return cls(names[-1], source, sha)

    def command(self, keys: tuple[str, ...], *arguments: bytes | str | float) -> Command:
        """Return the command that runs the script, for `Link.call_all`."""
        return "EVALSHA", self.sha, len(keys), *keys, *arguments


PUBLISH: Final = Script.load("log", "publish")
ADDRESS: Final = Script.load("log", "address")
DELIVER: Final = Script.load("log", "account_inbox", "deliver")
MOVE: Final = Script.load("move")
JOIN: Final = Script.load("accounts", "join")
CLAIM_LOOK: Final = Script.load("claim_look")
RELEASE_LOOK: Final = Script.load("release_look")
SETTLE: Final = Script.load("settle")
LEAVE: Final = Script.load("accounts", "leave")
CHANGE_PERSON: Final = Script.load("change_person")
SUCCEED: Final = Script.load("accounts", "succeed")
SNAPSHOT: Final = Script.load("snapshot")
ERASE: Final = Script.load("erase")
RENEW_EPOCH: Final = Script.load("renew_epoch")
CLAIM: Final = Script.load("reserved", "claim")
RESERVE: Final = Script.load("reserved", "reserve")
UNRESERVE: Final = Script.load("reserved", "unreserve")
RESUME: Final = Script.load("resume")
RELEASE: Final = Script.load("release")
BEAT: Final = Script.load("beat")
EXTEND_ROOMS: Final = Script.load("extend_rooms")
CURRENT_ROOMS: Final = Script.load("current_rooms")
EXPIRE_ROOMS: Final = Script.load("expire_rooms")
BAN: Final = Script.load("bans", "ban")
UNBAN: Final = Script.load("bans", "unban")
EXPIRE_BANS: Final = Script.load("bans", "expire_bans")
CREATE_ACCOUNT: Final = Script.load("create_account")
CHANGE_ACCOUNT: Final = Script.load("change_account")
ADD_DEVICE: Final = Script.load("add_device")
REPLACE_DEVICE: Final = Script.load("replace_device")
MOVE_MARKER: Final = Script.load("move_marker")
USE_INVITE: Final = Script.load("use_invite")
COUNT_GUESS: Final = Script.load("count_guess")
PERMISSIONS: Final = Script.load("permissions")

ALL_SCRIPTS: Final = (
    PUBLISH, ADDRESS, DELIVER, MOVE, JOIN, CLAIM_LOOK, RELEASE_LOOK, SETTLE, LEAVE, CHANGE_PERSON,
    SUCCEED, SNAPSHOT, ERASE, RENEW_EPOCH, CLAIM, RESERVE, UNRESERVE, RESUME, RELEASE, BEAT,
    EXTEND_ROOMS, CURRENT_ROOMS, EXPIRE_ROOMS, BAN, UNBAN, EXPIRE_BANS, CREATE_ACCOUNT,
    CHANGE_ACCOUNT, ADD_DEVICE, REPLACE_DEVICE, MOVE_MARKER, USE_INVITE, COUNT_GUESS, PERMISSIONS,
)  # fmt: skip
REPLICATION_ID: Final = Script.load("replication_id")
"""Run once on each new connection, before it has loaded any."""
RENAME_ROOM: Final = Script.load("rename_room")
"""Only for the upgrade: no node runs it, and its keys are not on one hash slot."""
SOURCES: Final = {script.sha: script.source for script in ALL_SCRIPTS}
