"""Settings: one declaration per setting gives its flag, environment variable, default and help."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import ipaddress
import re
import socket
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, TypeVar

ENVIRONMENT_PREFIX: Final = "CHAT_"
MOST_SHOWN: Final = 60
"""Characters of a wrong value that a message repeats."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_SERVICE_LINKS: Final = tuple(
    (re.compile(name), re.compile(value))
    for name, value in (
        (r".+_SERVICE_HOST", r".*"),
        (r".+_SERVICE_PORT(_.+)?", r"[0-9]*"),
        (r".+_PORT", r"(tcp|udp|sctp)://.*"),
        (r".+_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", r".*"),
        (r".+_NAME", r"/.+/.+"),
        (r".+_ENV_.+", r".*"),
    )
)
"""Names and values of the variables by which Kubernetes and ``docker run --link`` tell of services.

A service called ``chat`` or ``chat-redis`` makes their names begin like those of our settings.
"""

T = TypeVar("T")


class BadSetting(ValueError):
    """A setting's value cannot be used; the text is one line for the operator."""


@dataclass(frozen=True)
class Declaration:
    """A setting's declaration, beside its type and default."""

    group: str
    help: str
    parse: Callable[[str], Any]
    metavar: str


def _setting(
    default: T | Callable[[], T],
    group: str,
    description: str,
    parse: Callable[[str], T],
    metavar: str,
) -> T:
    """Declare a setting, whose type is that of its default and of what ``parse`` returns."""
    metadata = {"declaration": Declaration(group, description, parse, metavar)}
    field: Any = (
        dataclasses.field(default_factory=default, metadata=metadata)
        if callable(default)
        else dataclasses.field(default=default, metadata=metadata)
    )
    return field  # type: ignore[no-any-return]


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a function that reads a whole number, and raises `BadSetting` out of these bounds."""

    def parse(text: str) -> int:
        value = int(text) if _INTEGER.fullmatch(text) else None
        if value is None or not low <= value <= high:
            raise BadSetting(f"{_shown(text)} is not a whole number between {low} and {high}")
        return value

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else None
        if value is None or not low <= value <= high:
            raise BadSetting(f"{_shown(text)} is not a number between {low:g} and {high:.15g}")
        return value

    return parse


def _switch(text: str) -> bool:
    word = text.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{_shown(text)} is neither on nor off")


def _choice(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise BadSetting(f"{_shown(text)} is none of {', '.join(words)}")
        return text

    return parse


def _word(text: str) -> str:
    if not text or len(text) > 64 or not all(c.isalnum() or c in "._-" for c in text):  # noqa: PLR2004
        raise BadSetting(f"{_shown(text)} is not 1-64 letters, digits, '.', '_' or '-'")
    return text


def _host(text: str) -> str:
    """Return a host name, an address without brackets, or ``*`` for every interface."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text or "*"
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise BadSetting(
                f"{_shown(text)} is no host name or address (the port is a setting of its own)"
            ) from None
    elif not host.isprintable() or len(host) > 253 or any(c in " /?#@[]" for c in host):  # noqa: PLR2004 - RFC 1035
        raise BadSetting(f"{_shown(text)} is no host name or address")
    return host


def _shown(text: str) -> str:
    """Return a wrong value in quotes as a message repeats it: on one line, and not too long."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


_NO_NETWORKS: Final = "none"


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    if text.strip().lower() == _NO_NETWORKS:
        return ()
    words = text.replace(",", " ").split()
    if not words:
        raise BadSetting(f"{text!r} is neither a list of networks nor {_NO_NETWORKS}")
    return tuple(_network(word) for word in words)


def _network(word: str) -> IPv4Network | IPv6Network:
    try:
        lenient = ip_network(word, strict=False)
    except ValueError:
        raise BadSetting(
            f"{word!r} is no network; one looks like 10.1.0.0/16, fd00::/8 or 192.0.2.7"
        ) from None
    try:
        return ip_network(word)
    except ValueError:
        raise BadSetting(f"{word!r} is an address in a network: write {lenient}") from None


def _own_name() -> str:
    name = "".join(c for c in socket.gethostname() if c.isalnum() or c in "._-")
    return name[:64] or "node"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a node."""

    host: str = _setting(
        "localhost", "Network",
        "Host name or address to listen on; 0.0.0.0 or :: for every interface, with IPv4 and IPv6.",
        _host, "HOST",
    )  # fmt: skip
    port: int = _setting(
        8765, "Network", "Port for WebSocket and HTTP alike; 0 takes any free one.",
        integer(0, 65535), "PORT",
    )  # fmt: skip
    node_name: str = _setting(
        _own_name, "Network", "What this node is called in logs and in `welcome`.", _word, "NAME"
    )
    ping_interval: float = _setting(
        25.0, "Network",
        "Seconds of silence after which a client is pinged; after twice that it is closed.",
        _number(1, 3600), "SECONDS",
    )  # fmt: skip
    drain_seconds: float = _setting(
        10.0, "Network", "Longest time that a shutdown may take; clients move on meanwhile.",
        _number(0.1, 600), "SECONDS",
    )  # fmt: skip
    grace_seconds: float = _setting(
        15.0, "Network",
        "Seconds for which a session that has lost its connection can be taken up again.",
        _number(0, 3600), "SECONDS",
    )  # fmt: skip

    tls_certificate: str = _setting(
        "", "Network",
        "File of the certificate chain with which this port speaks TLS, and TLS only; or a "
        "directory with fullchain.pem and privkey.pem, or tls.crt and tls.key. Read again on "
        "SIGHUP and when it changes.",
        str, "PATH",
    )  # fmt: skip
    tls_key: str = _setting("", "Network", "File of the certificate's key.", str, "PATH")
    plain_port: int = _setting(
        0, "Network", "A second port, without TLS, where the first one speaks it; 0: none.",
        integer(0, 65535), "PORT",
    )  # fmt: skip
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        (), "Network",
        "Addresses and networks of the load balancers that are believed when they name a client's "
        "address, by the PROXY protocol, X-Forwarded-For or Forwarded; separated by commas.",
        _networks, "NETWORKS",
    )  # fmt: skip

    redis: str = _setting(
        "redis://127.0.0.1:6379/0", "Redis",
        "redis://, rediss:// or unix:// URL, with password and database; or "
        "redis+sentinel:// or rediss+sentinel://[user:password@]host:port,host:port/NAME[/db].",
        str, "URL",
    )  # fmt: skip
    namespace: str = _setting(
        "chat", "Redis", "Prefix of every key; clusters with other prefixes never meet.",
        _word, "PREFIX",
    )  # fmt: skip
    redis_timeout: float = _setting(
        1.5, "Redis", "Seconds without an answer after which Redis counts as away.",
        _number(0.1, 60), "SECONDS",
    )  # fmt: skip
    probe_seconds: float = _setting(
        5.0, "Redis",
        "Seconds without one of the node's own probes after which its subscription is built anew; "
        "0 turns that off.",
        _number(0, 3600), "SECONDS",
    )  # fmt: skip
    redis_eviction: str = _setting(
        "refuse", "Redis",
        "What becomes of a Redis that gives data away when its memory is full (maxmemory-policy): "
        "refuse it, or warn.",
        _choice("refuse", "warn"), "refuse|warn",
    )  # fmt: skip

    history_size: int = _setting(
        1000, "Chat", "Messages that a room's log keeps, at least.", integer(1, 1_000_000), "COUNT"
    )
    history_days: float = _setting(
        7.0, "Chat", "Days that an empty room's log is kept.", _number(0.001, 3650), "DAYS"
    )
    max_rooms: int = _setting(
        50, "Chat", "Rooms that one session may be in.", integer(1, 10_000), "COUNT"
    )
    unicode_nicks: bool = _setting(
        False, "Chat",  # noqa: FBT003
        "Allow nicknames in every script (PRECIS, RFC 8265), not just ASCII.",
        _switch, "on|off",
    )  # fmt: skip

    connect_rate: float = _setting(
        2000.0, "Limits",
        "New connections a second, as many at once; others are told to come later. 0: no limit.",
        _number(0, 1_000_000), "RATE",
    )  # fmt: skip
    flood_burst: int = _setting(
        20, "Limits", "Commands that a session may send at once.", integer(1, 1_000_000), "COUNT"
    )
    flood_rate: float = _setting(
        10.0, "Limits", "Commands a second after that; 0 turns flood control off.",
        _number(0, 1_000_000), "RATE",
    )  # fmt: skip
    outbox_bytes: int = _setting(
        1024 * 1024, "Limits",
        "Bytes that may wait for a slow reader before its connection is closed.",
        integer(65_536, 1 << 30), "BYTES",
    )  # fmt: skip

    log_format: str = _setting(
        "auto", "Logs", "human, json, or auto: human on a terminal, JSON lines elsewhere.",
        _choice("auto", "human", "json"), "FORMAT",
    )  # fmt: skip
    log_level: str = _setting(
        "info", "Logs", "The least level that is logged: debug, info, warning or error.",
        _choice("debug", "info", "warning", "error"), "LEVEL",
    )  # fmt: skip


def declarations() -> dict[str, Declaration]:
    """Return all settings by field name, in the order in which they are declared."""
    return {f.name: f.metadata["declaration"] for f in dataclasses.fields(Settings)}


def flag(name: str) -> str:
    """Return the command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()


def title(name: str) -> str:
    """Return a setting as a message names it where its source is not known."""
    return f"{flag(name)} ({variable(name)})"


def default_text(name: str) -> str:
    """Return a setting's default as an operator would write it."""
    if name == "node_name":
        return "this host's name"
    value = next(f.default for f in dataclasses.fields(Settings) if f.name == name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or _NO_NETWORKS
    return f"{value:g}" if isinstance(value, float) else str(value)


def add_flags(parser: argparse.ArgumentParser, *, only: Collection[str] = ()) -> None:
    """Add a flag for each setting to a parser, or for the settings named in ``only``."""
    groups: dict[str, Any] = {}
    for name, declared in declarations().items():
        if only and name not in only:
            continue
        if declared.group not in groups:
            groups[declared.group] = parser.add_argument_group(declared.group)
        groups[declared.group].add_argument(
            flag(name),
            dest=name,
            metavar=declared.metavar,
            help="\n".join(
                [*textwrap.wrap(declared.help, 64), f"[{default_text(name)}; {variable(name)}]"]
            ).replace("%", "%%"),
        )


def load(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Return the settings: the flag, else the environment variable, else the default of each.

    White space around a value does not count, nor do `_SERVICE_LINKS` in the environment.

    :raises BadSetting: naming the flag or variable, and what is wrong with it.
    """
    values: dict[str, Any] = {}
    for name, declared in declarations().items():
        text, source = flags.get(name), flag(name)
        if text is None:
            text, source = environment.get(variable(name)), variable(name)
            if text is None or _is_service_link(source, text):
                continue
        try:
            values[name] = declared.parse(text.strip())
        except BadSetting as error:
            raise BadSetting(f"{source}: {error}") from None
    for unknown in unknown_variables(environment):
        raise BadSetting(_no_such_setting(unknown, variable))
    return Settings(**values)


def unknown_variables(environment: Mapping[str, str]) -> Sequence[str]:
    """Return environment variables with our prefix that are no settings: most likely misspelt."""
    known = {variable(name) for name in declarations()}
    return sorted(
        key
        for key, value in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX)
        and key not in known
        and not _is_service_link(key, value)
    )


def _is_service_link(name: str, value: str) -> bool:
    return any(n.fullmatch(name) and v.fullmatch(value) for n, v in _SERVICE_LINKS)


def no_such_flag(text: str) -> str:
    """Return the complaint about an unknown argument, with the flag that is most likely meant."""
    return _no_such_setting(text.partition("=")[0], flag)


def _no_such_setting(given: str, spell: Callable[[str], str]) -> str:
    """Return a complaint; ``spell`` spells the name of a field as what was given is spelt."""
    word = given.removeprefix(ENVIRONMENT_PREFIX).lstrip("-").replace("-", "_").lower()
    near = difflib.get_close_matches(word[:MOST_SHOWN], declarations(), 1)
    advice = f"did you mean {spell(near[0])}?" if near else "see `chat-gateway serve --help`"
    shown = given if given.isprintable() and len(given) <= MOST_SHOWN else _shown(given)
    return f"{shown}: there is no such setting: {advice}"


def markdown_table() -> str:
    """Return the settings as the table in the README."""
    lines = ["| flag | environment | default | what it does |", "| --- | --- | --- | --- |"]
    for name, declared in declarations().items():
        text = declared.help.replace("|", "\\|")
        lines.append(f"| `{flag(name)}` | `{variable(name)}` | {default_text(name)} | {text} |")
    return "\n".join(lines) + "\n"
