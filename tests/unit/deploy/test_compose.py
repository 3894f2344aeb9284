"""What the containers of docker-compose.yml may do, and who reaches whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway import config
from gateway.net.proxy_protocol import MOST_V2_BYTES

ROOT: Final = Path(__file__).parents[3]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
HAPROXY: Final = (ROOT / "deploy/haproxy.cfg").read_text("utf-8")
DOCKERFILE: Final = (ROOT / "deploy/Dockerfile").read_text("utf-8")


def override(name: str) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load(
        (ROOT / "deploy" / name).read_text("utf-8")
    )["services"]
    return services


def mebibytes(text: str) -> int:
    number, unit = int(text[:-1].rstrip("mg")), text.rstrip("b")[-1]
    return number * {"m": 1, "g": 1024}[unit]


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert not service.get("privileged")
    assert "docker.sock" not in str(service)
    if name != "setup":
        assert "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits(name: str) -> None:
    assert 0 < mebibytes(SERVICES[name]["mem_limit"]) <= 2048
    assert 0 < SERVICES[name]["pids_limit"] <= 256


def test_only_the_first_start_is_root() -> None:
    assert SERVICES["setup"]["user"] == "0:0"
    assert SERVICES["setup"]["network_mode"] == "none"
    for name in ("redis", "haproxy"):
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", SERVICES[name]["user"])
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"] * 2


def test_the_outside_reaches_haproxy_alone_and_without_tls_from_this_machine_alone() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published == {"haproxy": ["127.0.0.1:8080:8080", "8443:8443"]}
    inner = {name for name, each in COMPOSE["networks"].items() if (each or {}).get("internal")}
    assert inner == {"front", "back"}
    on = {name: set(each["networks"]) for name, each in SERVICES.items() if "networks" in each}
    assert on == {
        "redis": {"back"}, "gateway": {"back", "front"}, "haproxy": {"edge", "front"},
        "load": {"front"},
    }  # fmt: skip


def test_the_nodes_believe_haproxy_alone() -> None:
    address = SERVICES["haproxy"]["networks"]["front"]["ipv4_address"]
    assert SERVICES["gateway"]["environment"]["CHAT_TRUSTED_PROXIES"] == address
    assert "send-proxy-v2" in HAPROXY
    assert MOST_V2_BYTES > 500  # with what HAProxy says of TLS


def test_development_publishes_the_nodes_on_this_machine() -> None:
    changed = override("compose.dev.yml")
    assert changed.keys() == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in changed["gateway"]["ports"])


def test_tls_adds_ports_that_haproxy_listens_on() -> None:
    changed = override("compose.tls.yml")
    assert changed["haproxy"]["ports"] == ["80:8081", "443:8443"]
    for port in ("8080", "8081", "8443 ssl crt /run/chat/server.pem"):
        assert f"    bind :{port}" in HAPROXY
    assert set(changed["haproxy"]["environment"]) == {"CHAT_DOMAIN", "CHAT_HSTS"}
    assert "set-header Strict-Transport-Security" in HAPROXY


def test_the_settings_in_it_are_settings() -> None:
    environment = SERVICES["gateway"]["environment"]
    settings = config.load({}, environment)
    assert settings.redis == "redis://chat@redis:6379/0"
    folder = SERVICES["gateway"]["volumes"][0].split(":")[1]
    assert settings.redis_password_file == f"{folder}/password"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for each in value.items() for part in each for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts(each))
    else:
        yield str(value)


def test_no_secret_stands_in_a_command_or_a_variable() -> None:
    for text in _texts(SERVICES):
        assert not re.search(r"://[^/\s]*:[^/\s]*@|requirepass|--pass\b|--auth\b", text), text


def test_each_service_has_its_own_secrets_and_no_others() -> None:
    mounted = {
        name: {
            volume.split(":")[0]: volume.split(":")[2:]
            for volume in each.get("volumes", ())
            if not volume.startswith("./")
        }
        for name, each in SERVICES.items()
    }
    assert mounted.pop("setup").keys() == COMPOSE["volumes"].keys()
    assert mounted == {
        "redis": {"redis-data": ["nocopy"], "redis-users": ["ro"]},
        "gateway": {"redis-password": ["ro"]},
        "haproxy": {"certificate": ["ro"]},
        "load": {},
    }


def test_everything_waits_for_the_secrets() -> None:
    for name in ("redis", "gateway", "haproxy"):
        awaited = SERVICES[name]["depends_on"]["setup"]["condition"]
        assert awaited == "service_completed_successfully"


def test_every_image_has_an_exact_version() -> None:
    images = re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE)
    images += [each["image"] for each in SERVICES.values() if "build" not in each]
    assert len(images) == 4
    for image in images:
        assert re.search(r":\d+\.\d+\.\d+(-|$)|@sha256:[0-9a-f]{64}$", image), image


def test_redis_has_room_to_copy_all_it_holds_and_gives_nothing_away() -> None:
    options = dict(
        line.split(maxsplit=1)
        for line in (ROOT / "deploy/redis.conf").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert options["maxmemory-policy"] == "noeviction"
    assert mebibytes(SERVICES["redis"]["mem_limit"]) > 2 * mebibytes(options["maxmemory"][:-1])
    assert options["aclfile"].startswith(SERVICES["redis"]["volumes"][1].split(":")[1])


def test_haproxy_lets_through_what_is_listed() -> None:
    assert "deny deny_status 404 unless { path / /ws /healthz /readyz }" in HAPROXY


def test_haproxy_bounds_connections_in_all_and_for_each_address() -> None:
    assert re.search(r"^    maxconn \d+$", HAPROXY, re.MULTILINE)
    assert "stick-table type ipv6" in HAPROXY
    frontends = re.findall(r"^frontend .*\n(?:    .*\n|\..*\n|\n)*", HAPROXY, re.MULTILINE)
    assert len(frontends) == 2
    for frontend in frontends:
        assert "tcp-request connection track-sc0 src,ipmask(32,64) table addresses" in frontend
        assert frontend.count("tcp-request connection reject if") == 2


def test_the_build_gets_every_file_that_it_copies() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }  # fmt: skip
    for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            if source != "tests":
                assert source in allowed
                assert (ROOT / source).exists()


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    return {
        re.sub(r"[-_.]+", "-", package).lower(): version
        for package, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", ["requirements.txt", "build-requirements.txt"])
def test_what_the_image_installs_has_hashes(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text("utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert len(blocks) == len(_pins(name)) > 4
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    assert f"--require-hashes --only-binary :all: -r deploy/{name}" in re.sub(
        r"\s*\\\n\s*", " ", DOCKERFILE
    )


def test_the_image_has_the_versions_that_are_tested() -> None:
    tested, installed = _pins("constraints.txt"), _pins("requirements.txt")
    assert installed.items() <= tested.items()
    text = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.optional")[0]
    needed = set(re.findall(r'^    "([a-z0-9-]+)>=', text, re.MULTILINE))
    assert needed <= installed.keys()
