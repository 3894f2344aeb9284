"""Why a connection to a node could not be opened, in words, and what can be done."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

import trio
import wsproto

from client.addresses import NodeAddress
from client.errors import CannotConnect
from client.i18n.texts import N_, _
from client.session.certificates import Certificate
from client.session.refusals import SWITCHED, read_refusal, why_refused
from client.text.visible import shown_line
from gateway import wire

MOST_REASON_CHARS: Final = 2_000
"""The longest text that says why an attempt failed."""

_HTTP: Final = b"HTTP/"
_TLS_RECORDS: Final = (b"\x14\x03", b"\x15\x03", b"\x16\x03")
_MOST_SHOWN: Final = 40
_BAD_REQUEST: Final = 400

# What OpenSSL finds out about a certificate (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_HOST: Final = frozenset({62, 64})
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21, 24})

_NO_SUCH_HOST: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
)
_NO_HOST_TEXT: Final = N_("there is no host called {host}")
_NO_LOOKUP_TEXT: Final = N_("the name {host} cannot be looked up; is this computer online?")
_OFFLINE_TEXT: Final = N_("there is no way to {host}; is this computer online?")
_FORBIDDEN_TEXT: Final = N_("this computer forbids connections to {host}; does a firewall?")
_UNREACHABLE: Final[Mapping[int, str]] = {
    errno.ETIMEDOUT: N_(
        "{host} does not answer on port {port}; it is off, or a firewall is between"
    ),
    errno.ECONNREFUSED: N_("nothing listens on port {port} of {host}; does the server run?"),
    errno.ENETUNREACH: _OFFLINE_TEXT,
    errno.EHOSTUNREACH: _OFFLINE_TEXT,
    errno.ENETDOWN: _OFFLINE_TEXT,
    errno.EHOSTDOWN: _OFFLINE_TEXT,
    errno.EADDRNOTAVAIL: _OFFLINE_TEXT,
    errno.EACCES: _FORBIDDEN_TEXT,
    errno.EPERM: _FORBIDDEN_TEXT,
}
_CLOSED: Final = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


class NoSubprotocol(Exception):
    """A server has opened a WebSocket, and not chosen our subprotocol."""


class Stage(Enum):
    """How far an attempt to connect has come."""

    CONNECT = auto()
    TLS = auto()
    HANDSHAKE = auto()
    OPEN = auto()


@dataclass
class Attempt:
    """An attempt to connect: how far it has come, and what the server has sent at that stage."""

    url: str
    address: NodeAddress
    stage: Stage = Stage.CONNECT
    received: bytearray = field(default_factory=bytearray)
    certificate: Certificate | None = None
    """What the server presents, where that was looked at: see `needs_certificate`."""

    def begin(self, stage: Stage) -> None:
        """Begin the next stage."""
        self.stage, self.received = stage, bytearray()

    def needs_certificate(self, error: BaseException) -> bool:
        """Return whether the server's certificate would help to explain an error.

        Without TLS that it has one would explain why it closes, or does not understand.
        """
        if self.address.secure:
            return isinstance(_root(error), ssl.SSLCertVerificationError)
        if self.stage is not Stage.HANDSHAKE or isinstance(error, trio.TooSlowError):
            return False
        refusal = read_refusal(self.received)
        return not self.received or (refusal is not None and refusal.status == _BAD_REQUEST)


def explain(attempt: Attempt, error: BaseException) -> CannotConnect:
    """Return why an attempt failed, for the person who made it.

    What a server has put into the text has no control characters, and makes it no longer than
    `MOST_REASON_CHARS`.
    """
    refusal = None
    if attempt.stage is Stage.HANDSHAKE and not _speaks_tls_only(attempt):
        refusal = read_refusal(attempt.received)
    if refusal is None:
        said = f"{attempt.url}: {_why(attempt, _root(error))}"
        return CannotConnect(shown_line(said, MOST_REASON_CHARS))
    reason = why_refused(refusal, attempt.url, attempt.address)
    said = shown_line(f"{attempt.url}: {reason}", MOST_REASON_CHARS)
    return CannotConnect(said, refusal.retry_after)


def is_no_answer(received: bytes | bytearray) -> bool:
    """Return whether what has come cannot become an answer to a handshake."""
    return not _HTTP.startswith(received[: len(_HTTP)])


def _why(attempt: Attempt, error: BaseException) -> str:
    if attempt.stage is Stage.CONNECT:
        return _why_unreachable(attempt.address, error)
    if attempt.address.secure and isinstance(error, ssl.SSLCertVerificationError):
        return _why_untrusted(attempt, error)
    if attempt.stage is Stage.TLS:
        return _why_no_tls(attempt, error)
    return _why_no_websocket(attempt, error)


def _root(error: BaseException) -> BaseException:
    """Return the error that others wrap: Trio for all addresses tried, libraries for their own."""
    if isinstance(error, BaseExceptionGroup):
        return _root(error.exceptions[0])
    if (wrong := _wrong_answer(error)) is not None:
        return wrong
    return error if error.__cause__ is None else _root(error.__cause__)


def _wrong_answer(error: BaseException) -> BaseException | None:
    """Return what was wrong with what a server sent, if that is how it came to an error.

    trio-websocket raises another one, since it fails to send a refusal to the server.
    """
    before: BaseException | None = error
    while before is not None and not isinstance(before, wsproto.utilities.RemoteProtocolError):
        before = before.__cause__ or before.__context__
    return before


# --- before there is a connection -------------------------------------------------------------


def _why_unreachable(address: NodeAddress, error: BaseException) -> str:
    text = _unreachable_text(error)
    if text is None:
        return _in_the_systems_words(error)
    return _(text).format(host=address.host, port=address.port)


def _unreachable_text(error: BaseException) -> str | None:
    if isinstance(error, UnicodeError):
        return N_("{host} is no name that a host can have")
    if isinstance(error, socket.gaierror):
        is_final = error.errno in _NO_SUCH_HOST
        return _NO_HOST_TEXT if is_final else _NO_LOOKUP_TEXT
    if isinstance(error, trio.TooSlowError):
        return _UNREACHABLE[errno.ETIMEDOUT]
    return _UNREACHABLE.get(error.errno or 0) if isinstance(error, OSError) else None


def _in_the_systems_words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


# --- TLS --------------------------------------------------------------------------------------


def _why_untrusted(attempt: Attempt, error: ssl.SSLCertVerificationError) -> str:
    """Return what is wrong with the server's certificate, and how it can be mended."""
    host = attempt.address.host
    certificate = attempt.certificate or Certificate("")
    if error.verify_code in _OTHER_HOST:
        return _(
            "its certificate is for {names}, not for {host}; connect to a name that it is for, or "
            "have one made for {host}"
        ).format(names=certificate.names or _("other hosts"), host=host)
    if error.verify_code == _EXPIRED:
        return _(
            "the certificate of {host} has expired ({date}); it must be renewed there, unless the "
            "clock of this computer is wrong"
        ).format(host=host, date=certificate.expires or "?")
    if error.verify_code == _NOT_YET_VALID:
        return _(
            "the certificate of {host} is not valid yet; is the clock of this computer right?"
        ).format(host=host)
    if error.verify_code in _UNKNOWN_ISSUER:
        if (path := os.environ.get("SSL_CERT_FILE")) and not Path(path).is_file():
            return _("SSL_CERT_FILE names {path}, and there is no such file").format(path=path)
        return _(
            "this computer does not trust who has signed the certificate of {host}: {issuer}. If "
            "that is your own authority, add its certificate to those that the system trusts, or "
            "start with SSL_CERT_FILE=/path/to/it.pem (the certificate presented has SHA-256 "
            "{fingerprint})"
        ).format(
            host=host,
            issuer=certificate.issuer or "?",
            fingerprint=certificate.fingerprint or "?",
        )
    return _("the certificate of {host} cannot be accepted: {problem}").format(
        host=host, problem=error.verify_message
    )


def _why_no_tls(attempt: Attempt, error: BaseException) -> str:
    port, received = attempt.address.port, bytes(attempt.received)
    if received and not received.startswith(_TLS_RECORDS):
        return _(
            "port {port} does not speak TLS; if the network to it is one that you trust, connect "
            "with ws:// instead of wss://"
        ).format(port=port)
    if isinstance(error, trio.TooSlowError):
        return _(
            "port {port} accepts the connection and does not answer in TLS; does it speak TLS?"
        ).format(port=port)
    return _why_tls_failed(port, error)


def _why_tls_failed(port: int, error: BaseException) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    if reason is not None and "CERTIFICATE_REQUIRED" in reason:
        return _("the server demands a certificate of its clients, and this client has none")
    if reason is None and not isinstance(error, ConnectionError | trio.BrokenResourceError):
        return _in_the_systems_words(error)
    if reason is None or "EOF" in reason:
        return _("port {port} closed the connection during the TLS handshake").format(port=port)
    words = reason.replace("_", " ").lower()
    return _("TLS could not be agreed upon: {problem}").format(problem=words)


# --- the WebSocket's handshake ----------------------------------------------------------------


def _speaks_tls_only(attempt: Attempt) -> bool:
    """Return whether a port that was spoken to without TLS is one for TLS."""
    is_tls = attempt.certificate is not None or attempt.received.startswith(_TLS_RECORDS)
    return is_tls and not attempt.address.secure


def _why_no_websocket(attempt: Attempt, error: BaseException) -> str:
    port, received = attempt.address.port, bytes(attempt.received)
    if _speaks_tls_only(attempt):
        return _("port {port} speaks TLS; connect with wss:// instead of ws://").format(port=port)
    if isinstance(error, NoSubprotocol):
        return _(
            "a WebSocket server answers there, but not this chat's; that speaks {name}"
        ).format(name=wire.SUBPROTOCOL)
    if received and is_no_answer(received):
        shown = repr(received[:_MOST_SHOWN].decode("ascii", "replace"))
        return _("what answers there does not speak HTTP; it says {shown}").format(shown=shown)
    return _why_broken_off(port, received, error)


def _why_broken_off(port: int, received: bytes, error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return _(
            "port {port} accepts the connection, and then does not answer; is it a chat server?"
        ).format(port=port)
    if SWITCHED.match(received):
        return _("what answers there is no proper WebSocket server: {problem}").format(
            problem=_in_the_systems_words(error)
        )
    if isinstance(error, ssl.SSLError):
        return _why_tls_failed(port, error)
    number = error.errno if isinstance(error, OSError) else None
    if number is None or number in _CLOSED:
        return _("port {port} closed the connection during the handshake").format(port=port)
    return _in_the_systems_words(error)
