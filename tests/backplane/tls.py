"""A Redis that is spoken to over TLS, and what it needs for that."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.redis_server import RedisServer


def make_certificate(folder: Path) -> None:
    """Write ``cert.pem`` for localhost, signed by itself, and its ``key.pem``."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def tls_options(certificate: Path, port: int) -> dict[str, object]:
    """Give what Redis is to be told of its port for TLS."""
    return {
        "tls-port": port, "tls-auth-clients": "no",
        "tls-cert-file": certificate / "cert.pem", "tls-key-file": certificate / "key.pem",
        "tls-ca-cert-file": certificate / "cert.pem",
    }  # fmt: skip


def tls_server(folder: Path, certificate: Path, port: int, **options: object) -> RedisServer:
    """Give a Redis that listens on a port for TLS, and on its Unix socket."""
    return RedisServer(folder, appendonly="no", **tls_options(certificate, port), **options)
