"""The certificate that a server presents, looked at to explain why it is not accepted."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import trio

LOOK_SECONDS: Final = 5.0
"""Seconds in which the certificate must have come."""
_MOST_NAMES: Final = 5

_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's ``X509_V_FLAG_NO_CHECK_TIME``, which Python has no name for."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate says; what is not known is empty.

    ``names`` are the hosts it is for, ``issuer`` is who has signed it, ``expires`` a date such as
    ``2026-01-31``, and ``fingerprint`` the SHA-256 of it all, as browsers show it.
    """

    fingerprint: str
    names: str = ""
    issuer: str = ""
    expires: str = ""


async def presented_certificate(host: str, port: int) -> Certificate | None:
    """Return the certificate that a server presents; None if it does not speak TLS.

    It connects anew, and trusts the server in nothing: all it does is look.
    """
    found: Certificate | None = None
    with trio.move_on_after(LOOK_SECONDS), suppress(Exception):
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        _, encoded = await _shake_hands(host, port, unverified)
        found = Certificate(":".join(f"{byte:02X}" for byte in hashlib.sha256(encoded).digest()))
        details, _ = await _shake_hands(host, port, _trusting(encoded))
        found = _described(found.fingerprint, details)
    return found


def _trusting(encoded: bytes) -> ssl.SSLContext:
    """Return a context that accepts this certificate and no other.

    Python tells what is in a certificate only if it was accepted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=encoded)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


async def _shake_hands(
    host: str, port: int, context: ssl.SSLContext
) -> tuple[dict[str, Any], bytes]:
    """Return the server's certificate, as Python describes it and as it was sent."""
    stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context)
    try:
        await stream.do_handshake()
        return stream.getpeercert() or {}, stream.getpeercert(binary_form=True) or b""
    finally:
        await trio.aclose_forcefully(stream)


def _described(fingerprint: str, details: dict[str, Any]) -> Certificate:
    names = [value for _, value in details.get("subjectAltName", ())]
    names = names or list(_values(details.get("subject", ()), "commonName"))
    listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    issuer = details.get("issuer", ())
    parts = [*_values(issuer, "commonName"), *_values(issuer, "organizationName")]
    expires = ""
    if "notAfter" in details:
        seconds = ssl.cert_time_to_seconds(details["notAfter"])
        expires = datetime.fromtimestamp(seconds, UTC).date().isoformat()
    return Certificate(fingerprint, listed, ", ".join(dict.fromkeys(parts)), expires)


def _values(name: Iterable[Iterable[tuple[str, str]]], wanted: str) -> Iterable[str]:
    """Return the values of one attribute of a name, as Python nests them."""
    return (value for group in name for key, value in group if key == wanted)
