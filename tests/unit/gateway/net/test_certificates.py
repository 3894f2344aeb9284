"""A certificate and its key are checked before they are served, and refused in one line."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.net.certificates import MOST_FILE_BYTES, BadCertificate, CertificateFiles, load

AUTHORITY = trustme.CA()
OWN = AUTHORITY.issue_cert("localhost")
OTHER = AUTHORITY.issue_cert("localhost")
NOW = datetime.now(UTC)


def write(path: Path, *blobs: trustme.Blob | bytes) -> Path:
    path.write_bytes(b"".join(b if isinstance(b, bytes) else b.bytes() for b in blobs))
    return path


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """A certificate that can be served, and its key."""
    return CertificateFiles(
        write(tmp_path / "own.pem", OWN.cert_chain_pems[0], AUTHORITY.cert_pem),
        write(tmp_path / "own.key", OWN.private_key_pem),
    )


def problem(files: CertificateFiles, now: datetime | None = None) -> str:
    with pytest.raises(BadCertificate) as caught:
        load(files, now)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_certificate_is_served_until_its_end(files: CertificateFiles) -> None:
    loaded = load(files)
    assert loaded.ends > NOW
    expired = problem(files, loaded.ends + timedelta(seconds=1))
    assert expired == (
        f"the certificate {files.certificate} expired on {loaded.ends:%Y-%m-%d}: renew it"
    )
    assert "check this machine's clock" in problem(files, datetime(1990, 1, 1, tzinfo=UTC))


def test_a_key_of_another_certificate_is_refused(files: CertificateFiles) -> None:
    write(files.key, OTHER.private_key_pem)
    assert problem(files) == f"the key {files.key} is not that of {files.certificate}"


def test_a_chain_in_the_wrong_order_is_told(files: CertificateFiles) -> None:
    write(files.certificate, AUTHORITY.cert_pem, OWN.cert_chain_pems[0])
    assert problem(files).endswith("the server's own certificate comes first in its file")


def test_a_key_with_a_passphrase_is_refused_without_asking(files: CertificateFiles) -> None:
    key = load_pem_private_key(OWN.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    write(files.key, locked)
    assert "is encrypted: give one without a passphrase" in problem(files)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(files: CertificateFiles, content: bytes) -> None:
    write(files.certificate, content)
    assert problem(files).startswith(f"{files.certificate} has no certificate in PEM")


@pytest.mark.parametrize("content", [b"", b"x" * 100, OWN.cert_chain_pems[0].bytes()])
def test_what_is_no_key_is_refused(files: CertificateFiles, content: bytes) -> None:
    write(files.key, content)
    assert problem(files).startswith(f"{files.key} has no private key in PEM")


def test_files_that_cannot_be_read_are_named(files: CertificateFiles, tmp_path: Path) -> None:
    missing = CertificateFiles(tmp_path / "gone.pem", files.key)
    assert problem(missing).endswith("gone.pem: No such file or directory")
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in problem(CertificateFiles(files.certificate, tmp_path / "pipe"))
    write(files.key, b"#" * (MOST_FILE_BYTES + 1))
    assert "has more than" in problem(files)


def test_a_directory_stands_for_both_files(files: CertificateFiles, tmp_path: Path) -> None:
    for chain, key in (("tls.crt", "tls.key"), ("fullchain.pem", "privkey.pem")):
        folder = tmp_path / chain
        folder.mkdir()
        write(folder / chain, files.certificate.read_bytes())
        write(folder / key, files.key.read_bytes())
        load(CertificateFiles.find(str(folder), ""))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadCertificate, match=r"has no fullchain.pem and privkey.pem or tls.crt"):
        CertificateFiles.find(str(empty), "")
    with pytest.raises(BadCertificate, match=r"--tls-key is missing"):
        CertificateFiles.find(str(files.certificate), "")


def test_the_stamp_changes_with_the_files(files: CertificateFiles) -> None:
    before = files.stamp()
    assert before == files.stamp()
    replaced = files.key.with_suffix(".new")
    write(replaced, files.key.read_bytes())
    replaced.rename(files.key)
    assert files.stamp() not in {before, ()}
    files.key.unlink()
    assert files.stamp() == ()
