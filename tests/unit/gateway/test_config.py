"""Every setting by its flag, its environment variable, or its default; wrong ones say where."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pytest

from gateway import config
from gateway.config import BadSetting, Settings, declarations, load

NAMES = list(declarations())


def problem(
    flags: dict[str, str | None] | None = None, environment: dict[str, str] | None = None
) -> str:
    with pytest.raises(BadSetting) as caught:
        load(flags or {}, environment or {})
    return str(caught.value)


def test_without_anything_the_defaults_hold() -> None:
    assert load({}, {}) == Settings()
    assert load(dict.fromkeys(NAMES), {"PATH": "/bin", "CHATTER": "1"}) == Settings()


def test_the_environment_goes_before_the_default() -> None:
    settings = load({}, {"CHAT_PORT": "9000", "CHAT_UNICODE_NICKS": "yes"})
    assert settings == dataclasses.replace(Settings(), port=9000, unicode_nicks=True)


def test_a_flag_goes_before_the_environment() -> None:
    settings = load({"port": "9001", "host": None}, {"CHAT_PORT": "9000", "CHAT_HOST": "::1"})
    assert (settings.port, settings.host) == (9001, "::1")


def test_an_empty_variable_is_a_value_and_a_wrong_one() -> None:
    message = "CHAT_PORT: '' is not a whole number between 0 and 65535"
    assert problem(environment={"CHAT_PORT": ""}) == message


PORT = "is not a whole number between 0 and 65535"
WORD = "is not 1-64 letters, digits, '.', '_' or '-'"
NO_ORIGIN = (
    "is no origin; one looks like https://chat.example or http://localhost:3000, without a path, "
    "in ASCII; or it is * or same-host"
)
NO_HOST = (
    "is no host; one looks like chat.example, *.chat.example, 192.0.2.7 or [2001:db8::7], without "
    "a port, in ASCII"
)
WRONG = [
    ("port", "http", f"'http' {PORT}"),
    ("port", "80.5", f"'80.5' {PORT}"),
    ("port", "-1", f"'-1' {PORT}"),
    ("port", "65536", f"'65536' {PORT}"),
    ("port", "8_765", f"'8_765' {PORT}"),
    ("port", "٨٧٦٥", f"'٨٧٦٥' {PORT}"),
    ("port", "87\n65", f"'87\\n65' {PORT}"),
    ("port", "9" * 5000, f"'{'9' * 60}…' {PORT}"),
    ("allowed_origins", "chat.example", f"'chat.example' {NO_ORIGIN}"),
    ("allowed_origins", "https//chat.example", f"'https//chat.example' {NO_ORIGIN}"),
    ("allowed_origins", "https://a.example/", f"'https://a.example/' {NO_ORIGIN}"),
    ("allowed_origins", "https://a.example:0", f"'https://a.example:0' {NO_ORIGIN}"),
    ("allowed_origins", "https://a.example:65536", f"'https://a.example:65536' {NO_ORIGIN}"),
    (
        "allowed_origins",
        "https://b\u00fccher.example",
        f"'https://b\u00fccher.example' {NO_ORIGIN}",
    ),
    ("allowed_origins", "https://a.example, *.b.example", f"'*.b.example' {NO_ORIGIN}"),
    ("allowed_origins", "https://a.*.example", f"'https://a.*.example' {NO_ORIGIN}"),
    ("allowed_origins", " , ", "',' is no list of origins"),
    ("allowed_hosts", "https://chat.example", f"'https://chat.example' {NO_HOST}"),
    ("allowed_hosts", "chat.example:443", f"'chat.example:443' {NO_HOST}"),
    ("allowed_hosts", "2001:db8::7", f"'2001:db8::7' {NO_HOST}"),
    ("allowed_hosts", "*", f"'*' {NO_HOST}"),
    ("allowed_hosts", "", "'' is no list of hosts"),
    ("host", "local host", "'local host' is no host name or address"),
    ("host", "a\nb", "'a\\nb' is no host name or address"),
    ("host", "ws://a", "'ws://a' is no host name or address (the port is a setting of its own)"),
    ("host", "a:80", "'a:80' is no host name or address (the port is a setting of its own)"),
    ("host", "a" * 254, f"'{'a' * 60}…' is no host name or address"),
    ("node_name", "a node", f"'a node' {WORD}"),
    ("node_name", "", f"'' {WORD}"),
    ("namespace", "x" * 65, f"'{'x' * 60}…' {WORD}"),
    ("namespace", "{chat}", f"'{{chat}}' {WORD}"),
    ("namespace", "chat*", f"'chat*' {WORD}"),
    ("redis_timeout", "soon", "'soon' is not a number between 0.1 and 60"),
    ("redis_timeout", "0", "'0' is not a number between 0.1 and 60"),
    ("redis_timeout", "nan", "'nan' is not a number between 0.1 and 60"),
    ("redis_timeout", "٣", "'٣' is not a number between 0.1 and 60"),
    ("ping_interval", "inf", "'inf' is not a number between 1 and 3600"),
    ("flood_rate", "1e9", "'1e9' is not a number between 0 and 1000000"),
    ("unicode_nicks", "maybe", "'maybe' is neither on nor off"),
    ("log_format", "xml", "'xml' is none of auto, human, json"),
    ("log_level", "INFO", "'INFO' is none of debug, info, warning, error"),
    ("outbox_bytes", "1024", "'1024' is not a whole number between 65536 and 1073741824"),
    ("history_size", "0", "'0' is not a whole number between 1 and 1000000"),
    ("trusted_proxies", "", "'' is neither a list of networks nor none"),
    (
        "trusted_proxies",
        "haproxy",
        "'haproxy' is no network; one looks like 10.1.0.0/16, fd00::/8 or 192.0.2.7",
    ),
    (
        "trusted_proxies",
        "10.0.0.0/33",
        "'10.0.0.0/33' is no network; one looks like 10.1.0.0/16, fd00::/8 or 192.0.2.7",
    ),
    ("trusted_proxies", "10.0.0.5/8", "'10.0.0.5/8' is an address in a network: write 10.0.0.0/8"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_a_wrong_value_names_where_it_came_from(name: str, text: str, message: str) -> None:
    by_flag = "--" + name.replace("_", "-")
    assert problem(flags={name: text}) == f"{by_flag}: {message}"
    by_variable = "CHAT_" + name.upper()
    assert problem(environment={by_variable: text}) == f"{by_variable}: {message}"


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("on", True), ("ON", True), (" true ", True), ("1", True), ("yes", True),
        ("off", False), ("False", False), ("0", False), ("no", False),
    ],
)  # fmt: skip
def test_switches(text: str, on: bool) -> None:
    assert load({"unicode_nicks": text}, {}).unicode_nicks is on


def test_networks() -> None:
    settings = load({"trusted_proxies": "10.0.0.0/8, fd00::/8 192.0.2.7"}, {})
    assert [str(each) for each in settings.trusted_proxies] == [
        "10.0.0.0/8", "fd00::/8", "192.0.2.7/32"
    ]  # fmt: skip
    assert load({}, {"CHAT_TRUSTED_PROXIES": "None"}).trusted_proxies == ()


def test_limits_are_inclusive() -> None:
    assert load({"port": "0"}, {}).port == 0
    assert load({"port": "65535"}, {}).port == 65535
    assert load({"flood_rate": "0"}, {}).flood_rate == 0.0
    assert load({"outbox_bytes": "65536"}, {}).outbox_bytes == 65536


def test_white_space_around_a_value_does_not_count() -> None:
    assert load({"port": " 9000\r\n"}, {"CHAT_REDIS": "redis://h\n"}) == dataclasses.replace(
        Settings(), port=9000, redis="redis://h"
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [("", "*"), ("*", "*"), ("[::1]", "::1"), ("::", "::"), ("fe80::1%eth0", "fe80::1%eth0")],
)
def test_hosts(text: str, host: str) -> None:
    assert load({"host": text}, {}).host == host


MISSPELT = [
    ("CHAT_PROT", "did you mean CHAT_PORT?"),
    ("CHAT_Port", "did you mean CHAT_PORT?"),
    ("CHAT_REDIS_URL", "did you mean CHAT_REDIS?"),
    ("CHAT_NODENAME", "did you mean CHAT_NODE_NAME?"),
    ("CHAT_ZZZ", "see `chat-gateway serve --help`"),
    ("CHAT_GATEWAY_PORT", "see `chat-gateway serve --help`"),
]


@pytest.mark.parametrize(("name", "advice"), MISSPELT)
def test_a_misspelt_variable_is_refused_with_the_one_that_is_meant(name: str, advice: str) -> None:
    message = problem(environment={name: "9000", "CHAT_PORT": "9000"})
    assert message == f"{name}: there is no such setting: {advice}"


def test_a_strange_variable_is_told_on_one_line() -> None:
    assert problem(environment={"CHAT_\n": "1"}).startswith("'CHAT_\\n': there is no such setting")


def links(service: str) -> dict[str, str]:
    """Return what Kubernetes, and Docker's ``--link``, put into every container's environment."""
    return {
        f"{service}_SERVICE_HOST": "fd00::1",
        f"{service}_SERVICE_PORT": "8765",
        f"{service}_SERVICE_PORT_WS": "8765",
        f"{service}_PORT": "tcp://[fd00::1]:8765",
        f"{service}_PORT_8765_TCP": "tcp://[fd00::1]:8765",
        f"{service}_PORT_8765_TCP_PROTO": "tcp",
        f"{service}_PORT_8765_TCP_PORT": "8765",
        f"{service}_PORT_8765_TCP_ADDR": "fd00::1",
        f"{service}_PORT_53_UDP": "udp://[fd00::1]:53",
        f"{service}_NAME": "/gateway/alias",
        f"{service}_ENV_GOSU_VERSION": "1.17",
    }


@pytest.mark.parametrize(
    "service", ["CHAT", "CHAT_GATEWAY", "CHAT_REDIS", "CHAT_NODE", "CHAT_HOST", "CHAT_LOG_LEVEL"]
)
def test_links_to_a_service_do_no_harm(service: str) -> None:
    assert load({}, links(service)) == Settings()
    for name, value in links(service).items():
        assert load({}, {name: value}) == Settings(), name


def test_a_setting_beside_links_is_read() -> None:
    environment = links("CHAT") | {"CHAT_PORT": "9000", "CHAT_NODE_NAME": "one"}
    assert load({}, environment) == dataclasses.replace(Settings(), port=9000, node_name="one")
    assert load({"port": "9001"}, links("CHAT")).port == 9001


def test_a_link_as_a_flag_is_wrong() -> None:
    assert problem(flags={"port": "tcp://h:1"}) == f"--port: 'tcp://h:1' {PORT}"


def test_the_default_node_name_is_a_valid_one() -> None:
    assert load({"node_name": Settings().node_name}, {}) == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_every_default_is_a_value_that_could_be_set(name: str) -> None:
    if name != "node_name":
        assert load({name: config.default_text(name)}, {}) == Settings()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_says_what_it_is(name: str) -> None:
    declared = declarations()[name]
    assert declared.help.endswith(".")
    assert len(declared.help) > 15
    assert declared.group
    assert declared.metavar
    assert config.flag(name) == "--" + name.replace("_", "-")
    assert config.variable(name) == "CHAT_" + name.upper()


def test_every_setting_has_a_flag_with_help_default_and_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "9999")  # so that no help is wrapped
    parser = argparse.ArgumentParser()
    config.add_flags(parser)
    shown = " ".join(parser.format_help().split())
    for name, declared in declarations().items():
        assert f"{config.flag(name)} {declared.metavar} {declared.help}" in shown
        assert f"[{config.default_text(name)}; {config.variable(name)}]" in shown
    parsed = parser.parse_args(["--port", "9000"])
    assert load(vars(parsed), {}) == dataclasses.replace(Settings(), port=9000)


def test_the_table_has_every_setting_once() -> None:
    head, rule, *rows = config.markdown_table().splitlines()
    assert head == "| flag | environment | default | what it does |"
    assert rule == "| --- | --- | --- | --- |"
    assert len(rows) == len(NAMES) == len(dataclasses.fields(Settings))
    for name, row in zip(NAMES, rows, strict=True):
        cells = row.split(" | ")
        assert cells[0] == f"| `{config.flag(name)}`"
        assert cells[1] == f"`{config.variable(name)}`"
        assert cells[2] == config.default_text(name)
        assert len(row.replace("\\|", "").split("|")) == 6


def read_file(tmp_path: Path, text: str, **flags: str) -> Settings:
    file = tmp_path / "chat.toml"
    file.write_text(text, "utf-8")
    return load({"settings": str(file), **flags}, {"CHAT_MAX_ROOMS": "7"})


def test_a_file_of_settings_goes_after_flags_and_variables(tmp_path: Path) -> None:
    text = (
        "port = 1\nmax_rooms = 2\nflood-rate = 2.5\nunicode_nicks = true\n"
        "trusted_proxies = ['10.0.0.0/8', '::1']\n"
    )
    found = read_file(tmp_path, text, port="3")
    assert (found.port, found.max_rooms, found.flood_rate) == (3, 7, 2.5)
    assert found.unicode_nicks
    assert list(map(str, found.trusted_proxies)) == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = 'x'", r"chat.toml: port: 'x' is not a whole number between 0 and 65535"),
        ("prot = 1", r"chat.toml: prot: there is no such setting: did you mean port\?"),
        ("port = 1\nport = 2", r"--settings: cannot read '.*chat.toml': Cannot overwrite a value"),
        (
            "[network]\nport = 1",
            r"--settings: 'network' is neither a text, a number, true or false",
        ),
        (
            "port = ",
            r"--settings: cannot read '.*chat.toml': Invalid value \(at end of",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        read_file(tmp_path, text)


@pytest.mark.parametrize("path", ["/nowhere/chat.toml", "/dev", "/dev/zero", "a\0b"])
def test_what_is_no_file_of_settings_is_refused(path: str) -> None:
    with pytest.raises(BadSetting, match=r"^--settings: [^\n]+$"):
        load({"settings": path}, {})
