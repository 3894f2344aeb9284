"""The sign-in page says why a server cannot be reached, and what to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

from client.i18n.texts import speak
from tests.desktop.stage import Stage, on_stage
from tests.unit.client.session.servers import answering, server


@pytest.fixture
def german() -> Iterator[None]:
    speak(["de"])
    yield
    speak([])


def private_authority() -> ssl.SSLContext:
    """A server's side of TLS, with a certificate of an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA(organization_name="Example Authority")
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@on_stage()
async def test_an_authority_that_is_not_trusted_is_named_with_how_to_trust_it(stage: Stage) -> None:
    async with server(answering(b""), private_authority()) as port:
        person = stage.open(f"wss://127.0.0.1:{port}/ws", nick="alice")
        await person.sees("Example Authority", "SSL_CERT_FILE=", "Come in")
        problem = person.app.window.sign_in.problem
        assert problem.winfo_reqheight() <= problem.winfo_height(), "all of it is in sight"


@pytest.mark.usefixtures("german")
@on_stage()
async def test_tls_on_one_side_only_is_explained_in_german(stage: Stage) -> None:
    async with server(answering(b""), private_authority()) as port:
        person = stage.open(f"ws://127.0.0.1:{port}/ws", nick="alice")
        await person.sees(f"Port {port} spricht TLS; verbinde dich mit wss:// statt ws://")
