"""Which Redis a node's settings name."""

from __future__ import annotations

from gateway import config
from gateway.backplane import Topology, topology_from_url
from gateway.config import BadSetting, Settings


def topology_from_settings(settings: Settings) -> Topology:
    """Return the topology that these settings name, with the passwords from their files.

    :raises BadSetting: without repeating a password.
    """
    password = _secret("redis_password_file", settings.redis_password_file)
    sentinel_password = _secret("sentinel_password_file", settings.sentinel_password_file)
    try:
        return topology_from_url(
            settings.redis, password=password, sentinel_password=sentinel_password
        )
    except ValueError as error:
        raise BadSetting(f"{config.title('redis')}: {error}") from None


def _secret(name: str, path: str) -> str | None:
    try:
        return config.read_secret(path) if path else None
    except BadSetting as error:
        raise BadSetting(f"{config.title(name)}: {error}") from None
