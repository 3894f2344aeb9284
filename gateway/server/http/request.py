"""Reads the head of a request (RFC 9112), and refuses at once what cannot become one. Pure."""

from __future__ import annotations

import re
import string
from typing import Final

import h11

MAX_HEAD_BYTES: Final = 16 * 1024

_TOKEN: Final = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()
_IN_LINE: Final = bytes(range(0x20, 0x7F)) + b"\r"
"""What may be in a first line: visible characters of ASCII, spaces, and its end."""
_REQUEST_LINE: Final = re.compile(
    rb"(?P<method>[A-Za-z0-9!#$%&'*+.^_`|~-]+) [\x21-\x7e]+ HTTP/(?P<major>[0-9])\.[0-9]"
)
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-fv:.]+\])(?::[0-9]*)?")
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/?]+)(?P<rest>.*)")
_ENCODED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = (string.ascii_letters + string.digits + "-._~").encode()
_MOST_PROBLEM: Final = 200
"""Characters that a problem may have: it may quote what the client has sent."""

_PROXY_HEADERS: Final = (b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n")
_OTHER_PROTOCOLS: Final = (
    (b"\x16", "this is TLS, and this port speaks plain HTTP: use http:// or ws:// for it"),
    (b"SSH-", "this is SSH"),
    (b"EHLO ", "this is SMTP"),
    (b"HELO ", "this is SMTP"),
    (b"*", "this is the protocol of Redis"),
)  # fmt: skip
"""How other protocols begin, and what is said about them."""


class BadRequest(Exception):
    """A request is refused: its HTTP status, and what is wrong, in words."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem[:_MOST_PROBLEM])
        self.status = status


class NotHttp(BadRequest):
    """What the client has sent is not HTTP."""

    def __init__(self, begun: bytes) -> None:
        self.is_proxy_header = begun.startswith(_PROXY_HEADERS)
        if self.is_proxy_header:
            problem = "this is the PROXY protocol, from an address not in --trusted-proxies"
        else:
            known = (text for prefix, text in _OTHER_PROTOCOLS if begun.startswith(prefix))
            problem = next(known, "this is no HTTP request")
        super().__init__(400, problem)


class RequestReader:
    """Reads one request's head from bytes as they come.

    - Each byte is looked at once, however the bytes are cut.
    - What cannot become a request is refused as soon as its first line, or a byte of that, shows
      it; a head over `MAX_HEAD_BYTES`, as soon as so many bytes have come.
    - A line may end with LF alone, and one empty line may come first (RFC 9112 2.2).
    """

    def __init__(self) -> None:
        self.method = b""
        """The method, once the first line has come; empty before."""
        self.rest = b""
        """The bytes after the head, once that is complete."""
        self._data = bytearray()
        self._looked_at = 0

    def receive(self, data: bytes) -> h11.Request | None:
        """Return the request if these bytes complete its head, else None.

        :raises BadRequest: if it is refused.
        """
        self._data += data
        if not self.method:
            self._read_line()
        if not self.method:
            return None
        end = _END_OF_HEAD.search(self._data, max(0, self._looked_at - 2))
        self._looked_at = len(self._data)
        if (end.end() if end else self._looked_at) > MAX_HEAD_BYTES:
            raise BadRequest(431, "the head is too long")
        if end is None:
            return None
        self.rest = bytes(self._data[end.end() :])
        return _parse(bytes(self._data[: end.end()]))

    def _read_line(self) -> None:
        """Read the first line if it has come, and refuse what cannot be one."""
        data = self._data
        begin = 2 if data[:2] == b"\r\n" else 1 if data[:1] == b"\n" else 0
        new = max(begin, self._looked_at)
        end = data.find(b"\n", new)
        if end < 0:
            self._check_begun_line(begin, new)
            return
        line = bytes(data[begin:end]).removesuffix(b"\r")
        found = _REQUEST_LINE.fullmatch(line)
        if found is None:
            raise NotHttp(bytes(data))
        self.method = found["method"]
        if found["major"] != b"1":
            raise BadRequest(505, "this is not HTTP/1")
        del data[:begin]
        self._looked_at = 0

    def _check_begun_line(self, begin: int, new: int) -> None:
        data = self._data
        if data == b"\r":
            return  # the first half of an empty line
        if data[begin : begin + 1] not in _TOKEN or data[new:].translate(None, _IN_LINE):
            raise NotHttp(bytes(data))
        if len(data) > MAX_HEAD_BYTES:
            raise BadRequest(414, "the first line is too long")
        self._looked_at = len(data)


def _parse(head: bytes) -> h11.Request:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(head)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise BadRequest(error.error_status_hint, str(error)) from None
    if not isinstance(request, h11.Request):
        raise NotHttp(head)
    hosts = [value for name, value in request.headers if name == b"host"]
    if not all(map(_HOST.fullmatch, hosts)):
        raise BadRequest(400, "the header Host names no host")
    return request


def path_of(request: h11.Request) -> str:
    """Return the path that a request asks for, without a query; ``*`` is the server as a whole.

    - The target may be a whole URL, as proxies send it (RFC 9112 3.2.2).
    - Percent-encoding is undone where it means nothing (RFC 3986 6.2.2.2).

    :raises BadRequest: if its target has no form that goes with its method.
    """
    if request.method == b"CONNECT":
        raise BadRequest(501, "this is no proxy")
    target = bytes(request.target)
    if not target.startswith(b"/"):
        target = _without_authority(target)
        if target in {b"", b"*"} and request.method == b"OPTIONS":
            return "*"
        if target[:1] in {b"", b"?"}:
            target = b"/" + target
    path = target.partition(b"?")[0]
    if not path.startswith(b"/") or b"#" in target:
        raise BadRequest(400, "the target is neither a path nor a URL")
    return _ENCODED.sub(_decode_unreserved, path).decode("ascii", "replace")


def _without_authority(target: bytes) -> bytes:
    """Return a URL's path and query; what is no URL is returned as it is."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target
    if not _HOST.fullmatch(absolute["authority"].rpartition(b"@")[2]):
        raise BadRequest(400, "the URL names no host")
    return absolute["rest"]


def _decode_unreserved(encoded: re.Match[bytes]) -> bytes:
    byte = bytes((int(encoded[1], 16),))
    return byte if byte in _UNRESERVED else encoded[0]
