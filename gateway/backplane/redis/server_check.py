"""Checks whether a Redis server can be used, by its first replies on a connection. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.backplane.redis.errors import Forbidden, Unavailable
from gateway.backplane.redis.server import RedisEndpoint

LEAST_VERSION: Final = (6, 2)
"""The first version with exclusive ranges of streams, and with ZRANDMEMBER."""

INFO: Final = (("INFO", "server"), ("INFO", "replication"), ("INFO", "memory"))
QUESTIONS: Final = (("HELLO", 2), *INFO, ("EVALSHA", "0" * 40, 0))
"""The questions on a new connection. The last shows whether this user may run scripts."""

_MOST_INFO: Final = 64 * 1024
"""Bytes of a reply to INFO that are read."""
_LONGEST_VALUE: Final = 64
_FACTS: Final = frozenset({
    "redis_version", "valkey_version", "redis_mode", "server_mode", "role", "master_host",
    "master_port", "master_replid", "master_replid2", "run_id", "used_memory", "maxmemory",
    "maxmemory_policy",
})  # fmt: skip
DISPENSABLE: Final = {
    "CLIENT": "its connections have no name in CLIENT LIST",
    "SCRIPT": "scripts are sent whole when they are first used",
    "HELLO": "",
    "INFO": "its role and whether it evicts data cannot be checked, and that it lost data is "
    "noticed late; allow +info",
    "WAIT": "what must not be undone is confirmed before a replica has it; allow +wait",
    "WAITAOF": "what must not be undone is confirmed before it is on disk; allow +waitaof",
    "SCAN": "what nobody holds any more is not deleted; allow +scan",
}
"""Commands that a node can do without, and the warning about each that is missing."""

Command = tuple[Any, ...]


@dataclass(frozen=True)
class ServerReport:
    """The result of a check: the first reason not to use the server, and warnings."""

    unsuitable: str = ""
    """Why it cannot be used until somebody changes something; empty if it can."""
    unavailable: str = ""
    """Why it cannot be used just now; empty if it can."""
    warnings: tuple[str, ...] = ()
    replication_id: str = ""
    """The replication id that it has now; empty if unknown."""
    former_replication_id: str = ""
    """The one that it had as a replica; zeros if it was not promoted, or Redis has forgotten it."""
    run_id: str = ""
    """The id of its process; empty if unknown."""


def check_greeting(
    server: RedisEndpoint,
    commands: Sequence[Command],
    replies: Sequence[Any],
    *,
    refuse_eviction: bool = True,
) -> ServerReport:
    """Return the result of a connection's first commands, `QUESTIONS` among them."""
    if denied := _why_denied(server, commands, replies):
        return ServerReport(unsuitable=denied)
    info = [reply for (word, *_), reply in zip(commands, replies, strict=False) if word == "INFO"]
    hello = [reply for (word, *_), reply in zip(commands, replies, strict=False) if word == "HELLO"]
    found = check_facts(server, read_facts(info, *hello), refuse_eviction=refuse_eviction)
    unsuitable, unavailable, warnings = found.unsuitable, found.unavailable, list(found.warnings)
    missing: dict[str, str] = {}
    for command, reply in zip(commands, replies, strict=False):
        if not isinstance(reply, Unavailable):
            continue
        word = str(command[0])
        if reply.passes:
            unavailable = unavailable or str(reply)
        elif _is_missing(reply) and word in DISPENSABLE:
            missing.setdefault(word, str(reply))
        else:
            unsuitable = unsuitable or f"Redis at {server.place} refuses {_title(command)}: {reply}"
    warnings += warn_of_missing(server.place, missing)
    return replace(found, unsuitable=unsuitable, unavailable=unavailable, warnings=tuple(warnings))


def warn_of_missing(place: str, missing: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning about each dispensable command that is refused, given the errors."""
    return tuple(
        f"Redis at {place} refuses {word}: {cost} ({missing[word]})"
        for word, cost in DISPENSABLE.items()
        if cost and word in missing
    )


def read_facts(info: Sequence[Any], hello: Any = None) -> dict[str, str]:  # noqa: ANN401
    """Return facts about a server, by their names in INFO; HELLO adds what INFO lacks."""
    facts: dict[str, str] = {}
    if isinstance(hello, list):
        told = {name: value for name, value in zip(hello[::2], hello[1::2], strict=False)
                if isinstance(name, bytes) and isinstance(value, bytes)}  # fmt: skip
        names = {b"version": "redis_version", b"mode": "redis_mode", b"role": "role"}
        facts = {names[name]: _text(value) for name, value in told.items() if name in names}
        if told.get(b"server") == b"valkey" and b"version" in told:
            facts["valkey_version"] = _text(told[b"version"])
    for section in info:
        if isinstance(section, bytes):
            for line in section[:_MOST_INFO].split(b"\r\n"):
                name, _, value = line.partition(b":")
                if (known := _text(name)) in _FACTS:
                    facts[known] = _text(value)
    return facts


def check_facts(
    server: RedisEndpoint, facts: Mapping[str, str], *, refuse_eviction: bool = True
) -> ServerReport:
    """Return the result of a server's version, mode, role and eviction policy."""
    place = server.place
    mode = facts.get("redis_mode") or facts.get("server_mode", "")
    role = facts.get("role", "")
    version = _version(facts)
    unsuitable, unavailable, warnings = "", "", []
    if mode == "sentinel" or role == "sentinel":
        unsuitable = (
            f"{place} is a sentinel, not a Redis server: name it as redis+sentinel://{place}/NAME"
        )
    elif mode == "cluster":
        unsuitable = (
            f"Redis at {place} runs in Cluster mode, which is not supported: "
            "use a server without cluster-enabled"
        )
    elif version and version < LEAST_VERSION:
        unsuitable = f"Redis {facts['redis_version']} at {place} is too old: {_required()}"
    elif role in {"slave", "replica"}:
        primary = ":".join(filter(None, (facts.get("master_host"), facts.get("master_port"))))
        if server.must_be_primary:
            unavailable = "it is not the primary, or not any more"
        else:
            unsuitable = (
                f"Redis at {place} is a replica{f' of {primary}' if primary else ''}: "
                "name the primary, or its sentinels"
            )
    elif evicts := _eviction_problem(place, facts):
        if refuse_eviction and facts.get("maxmemory") != "0":
            unsuitable = f"{evicts}, or accept their loss with --redis-eviction warn"
        else:
            warnings.append(evicts)
    if not version:
        warnings.append(
            f"Redis at {place} does not tell its version: {_required()}, which cannot be checked"
        )
    return ServerReport(
        unsuitable,
        unavailable,
        tuple(warnings),
        replication_id=facts.get("master_replid", ""),
        former_replication_id=facts.get("master_replid2", ""),
        run_id=facts.get("run_id", ""),
    )


def _why_denied(server: RedisEndpoint, commands: Sequence[Command], replies: Sequence[Any]) -> str:
    """Return why a server denies us access; empty if it does not."""
    for command, reply in zip(commands, replies, strict=False):
        if not isinstance(reply, Unavailable) or reply.passes:
            continue
        text = str(reply)
        if text.startswith("DENIED "):
            return (
                f"Redis at {server.place} is in protected mode: give it a password, or bind it "
                "to an address of its own"
            )
        if command[0] == "AUTH":
            return f"Redis at {server.place} refuses the user or password in the URL: {text}"
        if text.startswith("NOAUTH "):
            return f"Redis at {server.place} asks for a password: put it into the URL"
    return ""


def _version(facts: Mapping[str, str]) -> tuple[int, ...]:
    numbers = re.match(r"(\d{1,6})\.(\d{1,6})", facts.get("redis_version", ""))
    return tuple(map(int, numbers.groups())) if numbers else ()


def _required() -> str:
    return f"this needs Redis {'.'.join(map(str, LEAST_VERSION))} or later, or Valkey"


def _eviction_problem(place: str, facts: Mapping[str, str]) -> str:
    """Return what is wrong with a server's eviction policy; empty if it evicts nothing."""
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return ""
    when = "once maxmemory is set" if facts.get("maxmemory") == "0" else "when memory is full"
    return (
        f"Redis at {place} gives away nicknames and messages {when} "
        f"(maxmemory-policy {policy}): set maxmemory-policy noeviction"
    )


def _is_missing(reply: Unavailable) -> bool:
    """Return whether a command is forbidden to this user, or unknown to the server."""
    return isinstance(reply, Forbidden) and "compiling" not in str(reply)


def _title(command: Command) -> str:
    word = str(command[0])
    return f"{word} {command[1]}" if word == "SELECT" else word


def _text(value: bytes) -> str:
    """Return a value as text for one line."""
    return "".join(filter(str.isprintable, value[:_LONGEST_VALUE].decode("ascii", "replace")))
