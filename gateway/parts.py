"""The parts of a node that follow from its settings alone, made or refused."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import config
from gateway.auth.jwt_identity import BadKeys, JwtRules
from gateway.backplane import Backplane, Topology
from gateway.backplane.durable import level_named
from gateway.config import BadSetting, Settings
from gateway.net.certificates import BadCertificate, ServedCertificate
from gateway.operator.token import BadToken, OperatorToken
from gateway.policy.client_limits import ClientBounds
from gateway.policy.retention import Retention
from gateway.redis_topology import topology_from_settings

if TYPE_CHECKING:
    from gateway.credentials.jwt_verifier import JwtVerifier, KeySource


def make_backplane(settings: Settings, topology: Topology | None = None) -> Backplane:
    """Return the backplane of a new node, which gets a name of its own.

    ``topology`` takes the place of the one in the settings.
    """
    return Backplane(
        topology or topology_from_settings(settings),
        node=f"{settings.node_name}-{secrets.token_hex(3)}",
        namespace=settings.namespace,
        timeout=settings.redis_timeout,
        retention=Retention.of(
            messages=settings.history_size,
            log_bytes=settings.log_bytes,
            account_messages=settings.account_messages,
            account_log_bytes=settings.account_log_bytes,
            registered=settings.registered_rooms,
            days=settings.history_days,
            hours=settings.history_hours,
        ),
        refuse_eviction=settings.redis_eviction == "refuse",
        durability=level_named(settings.account_durability),
    )


def client_bounds(settings: Settings) -> ClientBounds:
    """Return what these settings allow one client."""
    return ClientBounds(
        connections=settings.address_connections,
        silent=settings.address_silent,
        connect_rate=settings.address_connect_rate,
        nicks=settings.address_nicks,
        accounts=settings.address_accounts,
        rooms=settings.address_rooms,
        session_rooms=settings.session_rooms,
        statuses=settings.address_statuses,
        stranger_directs=settings.stranger_directs,
    )


def operator_token(settings: Settings) -> OperatorToken | None:
    """Return the token of the operator's API, if there is one.

    :raises BadSetting: if it cannot be used, or means nothing without another setting.
    """
    if not settings.admin_token_file:
        return None
    name = config.title("admin_token_file")
    if not settings.admin_port:
        raise BadSetting(f"{name}: it means something only with {config.flag('admin_port')}")
    try:
        return OperatorToken(settings.admin_token_file)
    except BadToken as error:
        raise BadSetting(f"{name}: {error}") from None


def jwt_verifier(settings: Settings) -> JwtVerifier | None:
    """Return what verifies JSON Web Tokens, if keys for them are named.

    :raises BadSetting: if these cannot be used, or no audience is named.
    """
    if not settings.jwt_keys:
        return None
    if not settings.jwt_audience:
        needed = config.flag("jwt_audience")
        raise BadSetting(f"{config.title('jwt_keys')}: it needs {needed}, whom tokens are for")
    from gateway.credentials.jwt_verifier import (  # noqa: PLC0415 - libraries of 9 MiB
        FileKeys,
        JwtVerifier,
        PublishedKeys,
    )

    rules = JwtRules(settings.jwt_audience, settings.jwt_issuer, settings.jwt_nick)
    is_address = settings.jwt_keys.startswith(("https://", "http://"))
    try:
        source: KeySource = (
            PublishedKeys(settings.jwt_keys) if is_address else FileKeys(Path(settings.jwt_keys))
        )
    except BadKeys as error:
        raise BadSetting(f"{config.title('jwt_keys')}: {error}") from None
    return JwtVerifier(source, rules)


def served_certificate(settings: Settings) -> ServedCertificate | None:
    """Return the certificate that these settings name, if they name one.

    :raises BadSetting: if it cannot be served, or a setting needs one that is not named.
    """
    if not settings.tls_certificate:
        for name in ("tls_key", "plain_port"):
            if getattr(settings, name):
                needed = config.flag("tls_certificate")
                raise BadSetting(f"{config.title(name)}: it means something only with {needed}")
        return None
    try:
        return ServedCertificate(settings.tls_certificate, settings.tls_key)
    except BadCertificate as error:
        raise BadSetting(f"{config.title('tls_certificate')}: {error}") from None
