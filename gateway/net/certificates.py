"""The certificate of a node that speaks TLS itself: read, checked, and read again in service."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
import trio

from gateway.process.files import CannotRead, read_bounded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

CHECK_SECONDS: Final = 10.0
"""Seconds between two looks at whether the files have changed."""
SOON: Final = timedelta(days=14)
"""A certificate that ends within this time is warned about when it is read."""
MOST_FILE_BYTES: Final = 1024 * 1024
"""The largest file of certificates, or of a key, that is read."""
_PAIRS: Final = (("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key"))
"""The file names in a directory of certbot's, and in a mounted Kubernetes secret."""

log = structlog.get_logger("tls")


class BadCertificate(Exception):
    """A certificate or key cannot be used; the text is one line for the operator."""


@dataclass(frozen=True)
class CertificateFiles:
    """Where the certificate chain and the key are."""

    certificate: Path
    key: Path

    @classmethod
    def find(cls, certificate: str, key: str) -> CertificateFiles:
        """Return the files that the settings name: two files, or a directory with both.

        :raises BadCertificate: if they do not.
        """
        path = Path(certificate)
        if not path.is_dir():
            if not key:
                raise BadCertificate(f"--tls-key is missing: the key of {certificate}")
            return cls(path, Path(key))
        if key:
            return cls(path / _PAIRS[0][0], Path(key))
        for chain, private in _PAIRS:
            if (path / chain).exists():
                return cls(path / chain, path / private)
        names = " or ".join(" and ".join(pair) for pair in _PAIRS)
        raise BadCertificate(f"the directory {certificate} has no {names}")

    def stamp(self) -> tuple[object, ...]:
        """Return what changes when a file is changed or replaced; empty if one is missing."""
        try:
            found = [path.stat() for path in (self.certificate, self.key)]
        except OSError:
            return ()
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in found)


@dataclass(frozen=True)
class LoadedCertificate:
    """A certificate that can be served: the context for new connections, and its end."""

    context: ssl.SSLContext
    ends: datetime


class ServedCertificate:
    """The certificate that new connections get; what connections have begun with, they keep."""

    def __init__(self, certificate: str, key: str) -> None:
        """Serve the certificate that these settings name.

        :raises BadCertificate: if it cannot be served.
        """
        self._files = CertificateFiles.find(certificate, key)
        self._stamp = self._files.stamp()
        self._current = load(self._files)
        self._warn_if_it_ends_soon()

    @property
    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        return self._current.context

    @property
    def ends(self) -> datetime:
        """When it expires."""
        return self._current.ends

    def reload(self) -> None:
        """Read the files again; if they cannot be served, log why, and keep what there is."""
        self._stamp = self._files.stamp()
        try:
            self._current = load(self._files)
        except BadCertificate as error:
            log.warning("certificate not replaced", reason=str(error), ends=str(self.ends))
            return
        log.info("certificate loaded", file=str(self._files.certificate), ends=str(self.ends))
        self._warn_if_it_ends_soon()

    async def watch(self) -> None:
        """Reload whenever both files are there and one has changed; runs until cancelled."""
        while True:
            await trio.sleep(CHECK_SECONDS)
            if self._files.stamp() not in {self._stamp, ()}:
                self.reload()

    def _warn_if_it_ends_soon(self) -> None:
        if self.ends - datetime.now(UTC) < SOON:
            log.warning("certificate ends soon", ends=str(self.ends))


def load(files: CertificateFiles, now: datetime | None = None) -> LoadedCertificate:
    """Return a certificate chain with its key, after a check of both.

    TLS 1.2 and later, with the ``ssl`` module's defaults; ALPN ``http/1.1``.

    :raises BadCertificate: naming the file, what is wrong with it, and what to do.
    """
    chain = _read_chain(files.certificate)
    key = _read_key(files.key)
    own, now = chain[0], now or datetime.now(UTC)
    if own.public_key() != key.public_key():
        hint = ": the server's own certificate comes first in its file" if any(
            each.public_key() == key.public_key() for each in chain[1:]
        ) else ""  # fmt: skip
        raise BadCertificate(f"the key {files.key} is not that of {files.certificate}{hint}")
    if now >= own.not_valid_after_utc:
        raise BadCertificate(
            f"the certificate {files.certificate} expired on {own.not_valid_after_utc:%Y-%m-%d}: "
            "renew it"
        )
    if now < own.not_valid_before_utc:
        raise BadCertificate(
            f"the certificate {files.certificate} is not valid before "
            f"{own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: check this machine's clock"
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, OSError) as error:  # a key that OpenSSL calls too weak, for example
        raise BadCertificate(f"OpenSSL refuses {files.certificate}: {error}") from None
    return LoadedCertificate(context, own.not_valid_after_utc)


def _read_chain(path: Path) -> list[Certificate]:
    from cryptography import x509  # noqa: PLC0415 - 35 ms that nodes without TLS never need

    try:
        return x509.load_pem_x509_certificates(_read(path, "certificate"))
    except ValueError:
        raise BadCertificate(
            f"{path} has no certificate in PEM (-----BEGIN CERTIFICATE-----)"
        ) from None


def _read_key(path: Path) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        return load_pem_private_key(_read(path, "key"), password=None)
    except TypeError:
        raise BadCertificate(
            f"the key {path} is encrypted: give one without a passphrase"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate(
            f"{path} has no private key in PEM (-----BEGIN PRIVATE KEY-----)"
        ) from None


def _read(path: Path, what: str) -> bytes:
    try:
        return read_bounded(path, name=f"the {what} {path}", most=MOST_FILE_BYTES)
    except CannotRead as error:
        raise BadCertificate(str(error)) from None
