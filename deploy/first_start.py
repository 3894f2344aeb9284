"""Make the secrets of docker-compose.yml, where they are missing; runs before all other services.

Arguments: the folder of their volumes. Each service mounts only the volume that it needs:

- ``redis-password``: the nodes' password for Redis
- ``redis-users``: the users of Redis, with hashes in place of the nodes' password; and the password
  of ``operator``, who may do everything
- ``certificate``: ``server.pem`` for HAProxy, and ``ca.pem``, by which clients trust it
- ``redis-data``: nothing is made in it, but Redis gets it if it belongs to another user

Environment: ``CHAT_DOMAIN`` has more names for the certificate, separated by commas.
``CHAT_TLS_CERTIFICATE`` and ``CHAT_TLS_KEY`` are the files of one to serve instead.
"""  # noqa: INP001

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.net.certificates import BadCertificate, CertificateFiles, load

REDIS, NODE, HAPROXY = 999, 10001, 99
"""The users in the containers."""
NAMES: Final = ("localhost", "127.0.0.1", "::1")
DAYS: Final = 820
"""Days that a certificate of our own is valid; some systems trust none for longer than 825."""
RENEW: Final = timedelta(days=30)
"""A certificate of our own that ends within this time is replaced."""
_TEMPLATE: Final = Path(__file__).with_name("redis-users.acl")
_WAITAOF: Final = (
    " +@connection -asking -client -command -echo -readonly -readwrite -reset +client|setname\n"
)
"""Permits WAITAOF, which is in this category, without its name: Redis before 7.2 reads no file that
names a command which it does not have."""
_OTHER_USERS: Final = (
    "user default off resetpass resetkeys resetchannels -@all\n"
    "user operator on #{operator} ~* &* +@all\n"
)


def main() -> None:
    """Make everything that is missing; the exit status is 1 if a given certificate is wrong."""
    volumes = Path(sys.argv[1])
    _make_redis_users(volumes)
    _give(volumes / "redis-data", REDIS)
    try:
        _make_certificate(volumes / "certificate")
    except BadCertificate as error:
        sys.exit(f"CHAT_TLS_CERTIFICATE: {error}")


# --- Redis ----------------------------------------------------------------------------------------


def _make_redis_users(volumes: Path) -> None:
    """Make the passwords, and the users from the template, which may be newer than they are."""
    users = volumes / "redis-users"
    node = _password(volumes / "redis-password" / "password", NODE)
    operator = _password(users / "operator-password", REDIS)
    nodes_user = re.sub(r">\S+", f"#{_sha256(node)}", _TEMPLATE.read_text("utf-8"), count=1)
    others = _OTHER_USERS.format(operator=_sha256(operator))
    _write(users / "users.acl", nodes_user.rstrip("\n") + _WAITAOF + others, REDIS)


def _password(path: Path, owner: int) -> str:
    if not path.exists():
        _write(path, secrets.token_urlsafe(32) + "\n", owner)
        _tell(f"made a password: {path.parent.name}/{path.name}")
    return path.read_text("utf-8").strip()


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


# --- the certificate ------------------------------------------------------------------------------


def _make_certificate(folder: Path) -> None:
    """Take over the given certificate, or make one for our names, unless there is a good one.

    :raises BadCertificate: if the given one cannot be served.
    """
    if given := os.environ.get("CHAT_TLS_CERTIFICATE", ""):
        files = CertificateFiles.find(given, os.environ.get("CHAT_TLS_KEY", ""))
        ends = load(files).ends
        served = files.certificate.read_text("utf-8").rstrip() + "\n" + files.key.read_text("utf-8")
        _write(folder / "server.pem", served, HAPROXY)
        (folder / "ca.pem").unlink(missing_ok=True)
        _tell(f"the certificate {given} is served; it ends on {ends:%Y-%m-%d}")
        return
    more = [name.strip() for name in os.environ.get("CHAT_DOMAIN", "").split(",")]
    names = list(dict.fromkeys([*NAMES, *filter(None, more)]))
    if not _is_good(folder, names):
        authority, served = _issue(names)
        _write(folder / "server.pem", served, HAPROXY)
        _write(folder / "ca.pem", authority, HAPROXY)
        _tell(f"made a certificate for {', '.join(names)}; clients trust it by certificate/ca.pem")


def _is_good(folder: Path, names: list[str]) -> bool:
    """Return whether our own certificate is there, valid for some time, and for these names."""
    if not (folder / "server.pem").exists() or not (folder / "ca.pem").exists():
        return False
    own = x509.load_pem_x509_certificates((folder / "server.pem").read_bytes())[0]
    found = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return own.not_valid_after_utc - datetime.now(UTC) > RENEW and set(_names(names)) <= set(found)


def _issue(names: list[str]) -> tuple[str, str]:
    """Return a new authority's certificate; and one that it has signed for these names, with key.

    Nobody keeps the authority's key: whoever trusts it trusts this one certificate.
    """
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chat-gateway, made here")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    served = (
        _builder(subject, issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(_names(names)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (
        authority.public_bytes(Encoding.PEM).decode(),
        (served.public_bytes(Encoding.PEM) + private).decode(),
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(names: list[str]) -> list[x509.GeneralName]:
    return [_name(name) for name in names]


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


# --- files ----------------------------------------------------------------------------------------


def _write(path: Path, text: str, owner: int) -> None:
    """Replace a file, which only its owner can read."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_text(text, "utf-8")
    new.chmod(0o400)
    _own(new, owner)
    new.replace(path)


def _give(folder: Path, owner: int) -> None:
    """Change the owner of a folder and all that is in it, unless it is this one already."""
    if folder.stat().st_uid != owner:
        for path in [*folder.rglob("*"), folder]:
            _own(path, owner)


def _own(path: Path, owner: int) -> None:
    if os.geteuid() == 0:  # else, as in the tests of somebody who is not root, all is theirs
        os.chown(path, owner, owner, follow_symlinks=False)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
