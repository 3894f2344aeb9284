"""HTTP responses as bytes, after each of which the connection is closed."""

from __future__ import annotations

from collections.abc import Mapping
from email import utils
from types import MappingProxyType

import h11


def response(
    status: int,
    body: str | bytes,
    content_type: str = "text/plain; charset=utf-8",
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return a response; that to HEAD is made of the one to GET by `without_body`."""
    payload = body.encode() if isinstance(body, str) else body
    common = {
        "Date": utils.formatdate(usegmt=True),
        "Content-Type": content_type,
        "Content-Length": str(len(payload)),
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    head = h11.Response(status_code=status, headers=list((common | dict(headers)).items()))
    start = h11.Connection(h11.SERVER).send(head)
    return (start or b"") + payload


def without_body(response: bytes) -> bytes:
    """Return a response as HEAD has it (RFC 9110 9.3.2)."""
    return response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
