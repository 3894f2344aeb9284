"""The settings of a node: one declaration each gives its flag, variable, default and help."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeVar

from gateway.config import parsing, web_origins
from gateway.wire import LOBBY

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1"))

T = TypeVar("T")


@dataclass(frozen=True)
class Declaration:
    """A setting's declaration, beside its type and default."""

    group: str
    help: str
    parse: Callable[[str], Any]
    metavar: str
    reloads: bool
    """Whether a running node takes on a new value, on SIGHUP."""


def _setting(
    default: T | Callable[[], T],
    group: str,
    description: str,
    parse: Callable[[str], T],
    metavar: str,
    *,
    reloads: bool = False,
) -> T:
    """Declare a setting, whose type is that of its default and of what ``parse`` returns."""
    metadata = {"declaration": Declaration(group, description, parse, metavar, reloads)}
    field: Any = (
        dataclasses.field(default_factory=default, metadata=metadata)
        if callable(default)
        else dataclasses.field(default=default, metadata=metadata)
    )
    return field  # type: ignore[no-any-return]


def _own_name() -> str:
    name = "".join(c for c in socket.gethostname() if c.isalnum() or c in "._-")
    return name[:64] or "node"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a node."""

    host: str = _setting(
        "localhost", "Network",
        "Host name or address to listen on; 0.0.0.0 or :: for every interface, with IPv4 and IPv6.",
        parsing.host, "HOST",
    )  # fmt: skip
    port: int = _setting(
        8765, "Network", "Port for WebSocket and HTTP alike; 0 takes any free one.",
        parsing.integer(0, 65535), "PORT",
    )  # fmt: skip
    node_name: str = _setting(
        _own_name,
        "Network",
        "What this node is called in logs and in `welcome`.",
        parsing.word,
        "NAME",
    )
    ping_interval: float = _setting(
        25.0, "Network",
        "Seconds of silence after which a client is pinged; after twice that it is closed.",
        parsing.number(1, 3600), "SECONDS",
    )  # fmt: skip
    drain_seconds: float = _setting(
        10.0, "Network", "Longest time that a shutdown may take; clients move on meanwhile.",
        parsing.number(0.1, 600), "SECONDS", reloads=True,
    )  # fmt: skip
    grace_seconds: float = _setting(
        15.0, "Network",
        "Seconds for which a session that has lost its connection can be taken up again.",
        parsing.number(0, 3600), "SECONDS",
    )  # fmt: skip

    tls_certificate: str = _setting(
        "", "Network",
        "File of the certificate chain with which this port speaks TLS, and TLS only; or a "
        "directory with fullchain.pem and privkey.pem, or tls.crt and tls.key. Read again on "
        "SIGHUP and when it changes.",
        parsing.path, "PATH",
    )  # fmt: skip
    tls_key: str = _setting("", "Network", "File of the certificate's key.", parsing.path, "PATH")
    plain_port: int = _setting(
        0, "Network", "A second port, without TLS, where the first one speaks it; 0: none.",
        parsing.integer(0, 65535), "PORT",
    )  # fmt: skip
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (), "Network",
        "Addresses and networks of the load balancers that are believed when they name a client's "
        "address, by the PROXY protocol, X-Forwarded-For or Forwarded; separated by commas.",
        parsing.networks, "NETWORKS", reloads=True,
    )  # fmt: skip
    allowed_origins: tuple[str, ...] = _setting(
        (web_origins.SAME_HOST,), "Network",
        "Web pages that may connect, by their origins, such as https://chat.example; separated by "
        "commas. https://*.chat.example: those of all hosts below; same-host: those of the host "
        "that they connect to; *: all. Programs that send no origin always may.",
        web_origins.origins, "ORIGINS", reloads=True,
    )  # fmt: skip
    allowed_hosts: tuple[str, ...] = _setting(
        (), "Network",
        "Hosts that this server is called, such as chat.example or *.chat.example, separated by "
        "commas; requests to others are refused, but /healthz and /readyz. none: whatever it is "
        "called.",
        web_origins.hosts, "HOSTS", reloads=True,
    )  # fmt: skip
    require_encryption: bool = _setting(
        False, "Network",  # noqa: FBT003
        "Refuse WebSockets that come from other machines without TLS, of this node or of a trusted "
        "proxy.",
        parsing.switch, "on|off", reloads=True,
    )  # fmt: skip

    admin_port: int = _setting(
        0, "Operator",
        "A port for the operator: /metrics, /healthz and /readyz with reasons, and an HTTP API. "
        "/metrics is then answered on this port alone. 0: none.",
        parsing.integer(0, 65535), "PORT",
    )  # fmt: skip
    admin_host: str = _setting(
        "127.0.0.1", "Operator", "Host name or address to listen on for the operator.",
        parsing.host, "HOST",
    )  # fmt: skip
    admin_token_file: str = _setting(
        "", "Operator",
        "File with the token for the operator's HTTP API, which nobody else may read; without it "
        "there is no API. Read again on SIGHUP.",
        parsing.path, "PATH",
    )  # fmt: skip

    redis: str = _setting(
        "redis://127.0.0.1:6379/0", "Redis",
        "redis://, rediss:// or unix:// URL, with password and database; or "
        "redis+sentinel:// or rediss+sentinel://[user:password@]host:port,host:port/NAME[/db].",
        str, "URL",
    )  # fmt: skip
    redis_password_file: str = _setting(
        "", "Redis", "File with the password for Redis, in place of one in the URL.",
        parsing.path, "FILE",
    )  # fmt: skip
    sentinel_password_file: str = _setting(
        "", "Redis", "File with the password for the sentinels, in place of one in the URL.",
        parsing.path, "FILE",
    )  # fmt: skip
    namespace: str = _setting(
        "chat", "Redis", "Prefix of every key; clusters with other prefixes never meet.",
        parsing.word, "PREFIX",
    )  # fmt: skip
    redis_timeout: float = _setting(
        1.5, "Redis", "Seconds without an answer after which Redis counts as away.",
        parsing.number(0.1, 60), "SECONDS",
    )  # fmt: skip
    probe_seconds: float = _setting(
        5.0, "Redis",
        "Seconds without one of the node's own probes after which its subscription is built anew; "
        "0 turns that off.",
        parsing.number(0, 3600), "SECONDS",
    )  # fmt: skip
    redis_eviction: str = _setting(
        "refuse", "Redis",
        "What becomes of a Redis that gives data away when its memory is full (maxmemory-policy): "
        "refuse it, or warn.",
        parsing.choice("refuse", "warn"), "refuse|warn",
    )  # fmt: skip
    account_durability: str = _setting(
        "auto", "Redis",
        "What registrations, changes of passwords and revocations wait for before they are "
        "confirmed: local, the disk of Redis; replica, one replica; auto, what there is of both; "
        "or none.",
        parsing.choice("auto", "none", "local", "replica"), "auto|none|local|replica",
    )  # fmt: skip

    history_size: int = _setting(
        1000,
        "Chat",
        "Messages that a room's log keeps, at least, if they fit into --log-bytes.",
        parsing.integer(1, 1_000_000),
        "COUNT",
    )
    log_bytes: int = _setting(
        1024 * 1024, "Chat", "Bytes of messages that the log of a room or an inbox keeps, about.",
        parsing.integer(65_536, 1 << 30), "BYTES",
    )  # fmt: skip
    registered_rooms: tuple[str, ...] = _setting(
        (LOBBY,), "Chat",
        "Rooms whose logs are kept for --history-days after the last member has left; separated "
        "by commas.",
        parsing.names, "ROOMS", reloads=True,
    )  # fmt: skip
    history_days: float = _setting(
        7.0, "Chat", "Days that the log of an empty room is kept, if the room is registered.",
        parsing.number(0.001, 3650), "DAYS",
    )  # fmt: skip
    history_hours: float = _setting(
        24.0, "Chat", "Hours that the log of any other empty room is kept.",
        parsing.number(0.01, 87_600), "HOURS",
    )  # fmt: skip
    session_days: float = _setting(
        30.0, "Chat",
        "Days after which a session ends, however often it was taken up again; its client begins "
        "another one. 0: never.",
        parsing.number(0, 3650), "DAYS", reloads=True,
    )  # fmt: skip
    max_rooms: int = _setting(
        50,
        "Chat",
        "Rooms that one session may be in.",
        parsing.integer(1, 10_000),
        "COUNT",
        reloads=True,
    )
    unicode_nicks: bool = _setting(
        False, "Chat",  # noqa: FBT003
        "Allow nicknames in every script (PRECIS, RFC 8265), not just ASCII.",
        parsing.switch, "on|off",
    )  # fmt: skip

    registration: str = _setting(
        "open", "Accounts",
        "Who may make an account: open (everybody), invite (whoever has an invitation of "
        "chat-gateway admin invite create), or closed (chat-gateway admin user add alone).",
        parsing.choice("open", "invite", "closed"), "WHO", reloads=True,
    )  # fmt: skip
    guests: bool = _setting(
        True, "Accounts",  # noqa: FBT003
        "Let people in with nothing but a nickname that no account has.",
        parsing.switch, "on|off", reloads=True,
    )  # fmt: skip
    guest_prefix: str = _setting(
        "", "Accounts",
        "What nicknames of guests begin with, such as guest-; accounts may not use it. none: "
        "anything.",
        parsing.prefix, "PREFIX", reloads=True,
    )  # fmt: skip
    password_length: int = _setting(
        12, "Accounts", "The least characters of a new password.",
        parsing.integer(8, 64), "COUNT", reloads=True,
    )  # fmt: skip
    device_days: float = _setting(
        90.0, "Accounts", "Days after which a device that is not used is signed out.",
        parsing.number(0.001, 3650), "DAYS", reloads=True,
    )  # fmt: skip
    account_messages: int = _setting(
        10_000, "Accounts", "Direct messages that are kept of each account, at least.",
        parsing.integer(100, 1_000_000), "COUNT",
    )  # fmt: skip
    account_log_bytes: int = _setting(
        4 * 1024 * 1024, "Accounts",
        "Bytes of direct messages that are kept of each account, about.",
        parsing.integer(65_536, 1 << 30), "BYTES",
    )  # fmt: skip
    jwt_keys: str = _setting(
        "", "Accounts",
        "File of the keys of JSON Web Tokens: PEM public keys, a JWK set, or a secret for HS256; "
        "or the https address of a JWK set. Without it no such tokens are taken.",
        parsing.path, "FILE|URL",
    )  # fmt: skip
    jwt_audience: str = _setting(
        "", "Accounts", "The audience (aud) that JSON Web Tokens must be for.",
        parsing.text, "AUDIENCE",
    )  # fmt: skip
    jwt_issuer: str = _setting(
        "", "Accounts", "The issuer (iss) that JSON Web Tokens must be of; empty: any.",
        parsing.text, "ISSUER",
    )  # fmt: skip
    jwt_nick: str = _setting(
        "preferred_username", "Accounts",
        "The claim of JSON Web Tokens that is the nickname of a new account.", str, "CLAIM",
    )  # fmt: skip

    connect_rate: float = _setting(
        2000.0, "Limits",
        "New clients a second, as many at once; others are told to come later. No address can take "
        "the shares of others. 0: no limit.",
        parsing.number(0, 1_000_000), "RATE", reloads=True,
    )  # fmt: skip
    exempt_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(
        LOOPBACK, "Limits",
        "Addresses and networks without limits by address; separated by commas, or none. This "
        "machine (127.0.0.0/8, ::1) does not count while a trusted proxy speaks from it.",
        parsing.networks, "NETWORKS", reloads=True,
    )  # fmt: skip
    address_connections: int = _setting(
        200, "Limits",
        "Open connections that one address may have, an IPv6 /64 counting as one; on each node, "
        "like all limits by address. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    address_silent: int = _setting(
        50, "Limits",
        "Those of them that may be without a session, since they have not said hello. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    address_connect_rate: float = _setting(
        20.0, "Limits",
        "New connections a second from one address, for WebSocket or HTTP; five times as many at "
        "once. 0: no limit.",
        parsing.number(0, 1_000_000), "RATE", reloads=True,
    )  # fmt: skip
    address_nicks: int = _setting(
        60, "Limits", "New nicknames a minute that one address may ask for. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    address_accounts: int = _setting(
        20, "Limits", "New accounts an hour that one address may make. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    address_rooms: int = _setting(
        100, "Limits", "New rooms an hour that one address may make. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    session_rooms: int = _setting(
        50, "Limits", "New rooms an hour that one session may make. 0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    address_statuses: float = _setting(
        4.0, "Limits",
        "Changes of status a second that one address may make, each counted once for every room "
        "it shows in; ten times as many at once. 0: no limit.",
        parsing.number(0, 1_000_000), "RATE", reloads=True,
    )  # fmt: skip
    total_rooms: int = _setting(
        10_000, "Limits",
        "Rooms that may exist in the cluster, with those that are empty and have a log. 0: no "
        "limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    stranger_directs: int = _setting(
        30, "Limits",
        "Direct messages a minute to one person from all those whom that person never wrote to. "
        "0: no limit.",
        parsing.integer(0, 1_000_000), "COUNT", reloads=True,
    )  # fmt: skip
    flood_burst: int = _setting(
        20,
        "Limits",
        "Commands that a session may send at once, by what they cost.",
        parsing.integer(1, 1_000_000),
        "COUNT",
        reloads=True,
    )
    flood_rate: float = _setting(
        10.0, "Limits", "Commands a second after that; 0 turns flood control off.",
        parsing.number(0, 1_000_000), "RATE", reloads=True,
    )  # fmt: skip
    outbox_bytes: int = _setting(
        1024 * 1024, "Limits",
        "Bytes that may wait for a slow reader before its connection is closed.",
        parsing.integer(65_536, 1 << 30), "BYTES",
    )  # fmt: skip
    outbox_total_bytes: int = _setting(
        256 * 1024 * 1024, "Limits",
        "Bytes that may wait for all slow readers of a node together; beyond that, those for whom "
        "most waits are closed.",
        parsing.integer(1024 * 1024, 1 << 40), "BYTES", reloads=True,
    )  # fmt: skip

    log_format: str = _setting(
        "auto", "Logs", "human, json, or auto: human on a terminal, JSON lines elsewhere.",
        parsing.choice("auto", "human", "json"), "FORMAT",
    )  # fmt: skip
    log_level: str = _setting(
        "info", "Logs", "The least level that is logged: debug, info, warning or error.",
        parsing.choice("debug", "info", "warning", "error"), "LEVEL", reloads=True,
    )  # fmt: skip


def declarations() -> dict[str, Declaration]:
    """Return all settings by field name, in the order in which they are declared."""
    return {f.name: f.metadata["declaration"] for f in dataclasses.fields(Settings)}
