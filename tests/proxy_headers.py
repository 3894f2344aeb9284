"""PROXY headers as a proxy sends them; the proxy is 127.0.0.1 or ::1, port 80."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""How version 2 begins."""


def v1(host: str, port: int) -> bytes:
    """Return the header of version 1 for a client."""
    family, proxy = ("TCP6", "::1") if ":" in host else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {host} {proxy} {port} 80\r\n".encode()


def v2(host: str, port: int, *, extensions: bytes = b"") -> bytes:
    """Return the header of version 2 for a client."""
    family, proxy = (0x21, "::1") if ":" in host else (0x11, "127.0.0.1")
    addresses = ip_address(host).packed + ip_address(proxy).packed
    payload = addresses + port.to_bytes(2, "big") + (80).to_bytes(2, "big") + extensions
    return SIGNATURE + bytes((0x21, family)) + len(payload).to_bytes(2, "big") + payload


LOCAL: Final = SIGNATURE + b"\x20\x00\x00\x00"
"""The header of version 2 with which a proxy speaks for itself, as for a health check."""
