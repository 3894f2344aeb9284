"""Who a session says that it is, with which secret, and what becomes of the device's token."""

from __future__ import annotations

import pytest
import trio

from client.session import (
    AccountState,
    CannotConnect,
    CommandError,
    Connected,
    Ended,
    Guest,
    Identity,
    Jwt,
    Password,
    Registration,
    Token,
    open_session,
)
from gateway.wire.shared import LEAST_ATTEMPT_CHARS
from tests.unit.client.session.account_sessions import Tokens, issuing, next_of, signed_in
from tests.unit.client.session.scripted_node import (
    LOST,
    Answer,
    Frame,
    Hangup,
    refusal,
    scripted_node,
)

pytestmark = pytest.mark.usefixtures("at_once")

ALICE = Password("alice", "lavender tram 41 umbrella", "laptop")
UNAUTHORIZED = refusal("unauthorized")


def said(command: Frame) -> Frame:
    """Return what a hello says of who it is."""
    left_out = {"type", "id", "session", "inbox"}
    return {name: value for name, value in command.items() if name not in left_out}


@pytest.mark.parametrize(
    ("identity", "hello"),
    [
        (Guest("alice"), {"nick": "alice"}),
        (ALICE, {"nick": "alice", "password": ALICE.password, "device": "laptop"}),
        (Token("a.d.s"), {"token": "a.d.s"}),
        (Jwt("e.y.J", "laptop"), {"jwt": "e.y.J", "device": "laptop"}),
    ],
)
async def test_a_first_hello_is_what_was_given(identity: Identity, hello: Frame) -> None:
    async with scripted_node() as node, open_session([node.url], identity) as session:
        assert session.nick == "alice"
        [command] = node.frames("hello")
    assert said(command) == hello
    assert ("session" in command) == isinstance(identity, Guest), "the node makes an account's"


async def test_a_nick_alone_is_a_guest() -> None:
    async with scripted_node() as node, open_session([node.url], nick="alice") as session:
        assert session.account.state is None
        assert said(node.frames("hello")[0]) == {"nick": "alice"}
    with pytest.raises(ValueError, match="either"):
        async with open_session([node.url], Guest("a"), nick="b"):
            raise AssertionError("let in")


def test_no_secret_is_in_what_is_logged() -> None:
    for secret in (ALICE, Token("umbrella"), Jwt("umbrella"), Registration("a", "umbrella")):
        assert "umbrella" not in repr(secret)


async def test_who_one_is_comes_after_being_connected() -> None:
    rooms = [{"room": "lobby", "seq": 9, "read": 4, "unread": 5, "mentions": 1}]
    async with scripted_node() as node:
        node.script("hello", signed_in(role="owner", rooms=rooms, change_password=True))
        async with open_session([node.url], ALICE) as session:
            assert isinstance(await session.events.receive(), Connected)
            state = await session.events.receive()
            assert session.account.state == state
    assert isinstance(state, AccountState)
    assert (state.account, state.role, state.device) == ("a1", "owner", "d1")
    assert state.change_password
    [lobby] = state.rooms
    assert (lobby.room, lobby.read, lobby.unread, lobby.mentions) == ("lobby", 4, 5, 1)


async def test_a_new_token_is_kept_before_anything_relies_on_it() -> None:
    is_kept = trio.Event()

    async def keep(kept: str | None) -> None:
        assert kept == "a1.d1.new"
        assert node.frames("join") == []
        await trio.lowlevel.checkpoint()
        is_kept.set()

    async with scripted_node() as node:
        node.script("hello", issuing("a1.d1.new", rooms=[{"room": "r", "seq": 1, "read": 1}]))
        async with open_session([node.url], ALICE, on_token=keep):
            assert is_kept.is_set()
            await node.until("join")


async def test_a_password_that_is_not_answered_is_sent_again_as_the_same_attempt() -> None:
    async with scripted_node() as node:
        node.script("hello", LOST, signed_in())
        with pytest.raises(CannotConnect):
            async with open_session([node.url], ALICE):
                raise AssertionError("let in")
        async with open_session([node.url], ALICE):
            assert [each["id"] for each in node.frames("hello")] == [ALICE.id] * 2
    assert len(ALICE.id) >= LEAST_ATTEMPT_CHARS


async def test_the_next_sign_in_by_password_is_another_attempt() -> None:
    async with scripted_node() as node:
        node.script("hello", signed_in(), UNAUTHORIZED, signed_in())
        async with open_session([node.url], ALICE) as session:
            await next_of(session, Connected)
            await node.tell(LOST)
            await next_of(session, Connected)
            ids = [each["id"] for each in node.frames("hello") if "password" in each]
    assert ids[0] == ALICE.id != ids[1]


async def test_a_session_that_is_gone_is_begun_again_with_the_token() -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script(
            "hello",
            issuing("a1.d1.first"),
            UNAUTHORIZED,
            issuing("a1.d1.second"),
            signed_in(resumed=True),
            UNAUTHORIZED,
            signed_in(),
        )
        async with open_session([node.url], ALICE, on_token=tokens.keep) as session:
            for number in (3, 4, 6):
                await next_of(session, Connected)
                await node.tell(LOST)
                await node.until("hello", number)
        hellos = [said(command) for command in node.frames("hello")]
    assert hellos[1:] == [
        {"resume": "a1.d1.secret"},
        {"token": "a1.d1.first"},
        {"resume": "a1.d1.secret"},
        {"resume": "a1.d1.secret"},
        {"token": "a1.d1.second"},
    ]
    assert tokens.kept == ["a1.d1.first", "a1.d1.second"]


@pytest.mark.parametrize(("code", "cause"), [(4505, "signed_out"), (4506, "account_closed")])
async def test_a_device_that_is_signed_out_forgets_its_token(code: int, cause: str) -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("hello", issuing("a1.d1.t"))
        async with open_session([node.url], ALICE, on_token=tokens.keep) as session:
            await node.tell(Hangup(code))
            ended = await next_of(session, Ended)
    assert isinstance(ended, Ended)
    assert ended.cause == cause
    assert tokens.kept == ["a1.d1.t", None]
    assert len(node.frames("hello")) == 1, "it does not come back"


async def test_the_notice_before_says_why() -> None:
    async with scripted_node() as node:
        node.script("hello", signed_in())
        async with open_session([node.url], Token("a1.d1.t")) as session:
            notice = {"type": "notice", "code": "account_deleted", "message": "Gone."}
            await node.tell(notice, Hangup(4506))
            ended = await next_of(session, Ended)
    assert ended == Ended("your account was deleted", "account_closed")


@pytest.mark.parametrize(
    ("code", "cause"), [("bad_token", "signed_out"), ("account_disabled", "account_closed")]
)
async def test_a_token_that_is_refused_is_not_tried_again_and_no_password_either(
    code: str, cause: str
) -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("hello", issuing("t"), UNAUTHORIZED, refusal(code, reason="revoked"))
        async with open_session([node.url], ALICE, on_token=tokens.keep) as session:
            await node.tell(LOST)
            ended = await next_of(session, Ended)
    assert isinstance(ended, Ended)
    assert ended.cause == cause
    assert tokens.kept == ["t", None]
    assert len(node.frames("hello")) == 3


async def test_a_token_that_is_refused_at_first_is_forgotten_too() -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("hello", refusal("bad_token", reason="expired"))
        with pytest.raises(CommandError, match="not used for so long") as refused:
            async with open_session([node.url], Token("old"), on_token=tokens.keep):
                raise AssertionError("let in")
    assert (refused.value.code, refused.value.reason) == ("bad_token", "expired")
    assert tokens.kept == [None]


async def test_insecure_is_an_error_of_its_own() -> None:
    async with scripted_node() as node:
        node.script("hello", refusal("insecure"))
        with pytest.raises(CommandError, match="with TLS only") as refused:
            async with open_session([node.url], ALICE):
                raise AssertionError("let in")
    assert refused.value.code == "insecure"


async def test_how_long_to_wait_after_wrong_passwords_is_told() -> None:
    async with scripted_node() as node:
        node.script("hello", refusal("too_fast", retry_after=4.0))
        with pytest.raises(CannotConnect, match="again in 4 s") as refused:
            async with open_session([node.url], ALICE):
                raise AssertionError("let in")
    assert refused.value.retry_after == 4.0
    assert refused.value.too_fast


# --- registration -----------------------------------------------------------------------------

NEW = Registration("alice", "lavender tram 41 umbrella", invite="code", device="laptop")


async def test_a_registration_whose_answer_is_lost_is_sent_again_with_the_same_id() -> None:
    tokens = Tokens()
    async with scripted_node() as node:
        node.script("register", LOST, LOST, issuing("a1.d1.t"))
        async with open_session([node.url], NEW, on_token=tokens.keep) as session:
            assert session.account.state is not None
            await node.tell(LOST)
            node.script("hello", UNAUTHORIZED, signed_in())
            await node.until("hello", 2)
        commands = node.frames("register")
    assert len(commands) == 3
    assert commands[0] == commands[1] == commands[2]
    assert commands[0] == {
        "type": "register", "id": NEW.id, "nick": "alice", "password": NEW.password,
        "invite": "code", "device": "laptop",
    }  # fmt: skip
    assert said(node.frames("hello")[1]) == {"token": "a1.d1.t"}, "it goes on with the token"
    assert tokens.kept == ["a1.d1.t"]


async def test_it_is_sent_again_to_another_node() -> None:
    async with scripted_node() as one, scripted_node() as other:
        made: list[str] = []

        def make(command: Frame) -> Answer:
            made.append(command["id"])
            return LOST if len(made) == 1 else signed_in()

        one.script("register", make)
        other.script("register", make)
        async with open_session([one.url, other.url], NEW):
            pass
        assert made == [NEW.id, NEW.id]
        assert len(one.frames("register")) == len(other.frames("register")) == 1


async def test_a_registration_that_stays_uncertain_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("client.session.reconnection.SETTLE_SECONDS", 0.0)
    async with scripted_node() as node:
        node.script("register", LOST)
        with pytest.raises(CannotConnect) as failure:
            async with open_session([node.url], NEW):
                raise AssertionError("let in")
    assert failure.value.uncertain


async def test_a_registration_that_is_refused_is_not_repeated() -> None:
    async with scripted_node() as node:
        node.script("register", refusal("bad_invite", reason="used"))
        with pytest.raises(CommandError, match="used up"):
            async with open_session([node.url], NEW):
                raise AssertionError("let in")
        assert len(node.frames("register")) == 1


# --- JSON Web Tokens --------------------------------------------------------------------------


async def test_a_jwt_that_has_expired_is_replaced() -> None:
    asked = 0

    async def new_jwt() -> str:
        nonlocal asked
        await trio.lowlevel.checkpoint()
        asked += 1
        return f"new{asked}"

    async with scripted_node() as node:
        node.script("hello", signed_in())
        async with open_session([node.url], Jwt("old"), new_jwt=new_jwt) as session:
            await node.tell(Hangup(4006))
            await node.until("hello", 2)
            await next_of(session, Connected)
            await next_of(session, Connected)
            node.script("hello", UNAUTHORIZED, refusal("bad_jwt", reason="expired"), signed_in())
            await node.tell(LOST)
            await node.until("hello", 5)
        hellos = [said(command) for command in node.frames("hello")]
    assert hellos[1] == {"jwt": "new1"}
    assert hellos[3:] == [{"jwt": "new1"}, {"jwt": "new2"}]


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_new_jwt_that_is_refused_is_replaced_only_if_it_may_have_expired(
    is_away: bool,
) -> None:
    asked: list[str] = []

    async def new_jwt() -> str:
        await trio.lowlevel.checkpoint()
        asked.append(f"new{len(asked)}")
        return asked[-1]

    bad = refusal("bad_jwt", reason="expired")
    async with scripted_node() as node:
        away = [refusal("unavailable", temporary=True)] if is_away else []
        node.script("hello", signed_in(), *away, bad, bad if not is_away else signed_in())
        async with open_session([node.url], Jwt("old"), new_jwt=new_jwt) as session:
            await node.tell(Hangup(4006))
            if is_away:
                await node.until("hello", 4)
                assert asked == ["new0", "new1"]
            else:
                ended = await next_of(session, Ended)
                assert ended == Ended("The JSON Web Token has expired.", "refused")
                assert asked == ["new0"]


async def test_a_new_jwt_that_cannot_be_had_is_asked_for_again() -> None:
    asked = 0

    async def new_jwt() -> str:
        nonlocal asked
        await trio.lowlevel.checkpoint()
        asked += 1
        if asked == 1:
            raise CannotConnect("nobody answers there")
        return "new"

    async with scripted_node() as node:
        node.script("hello", signed_in())
        async with open_session([node.url], Jwt("old"), new_jwt=new_jwt):
            await node.tell(Hangup(4006))
            hellos = await node.until("hello", 2)
    assert said(hellos[1]) == {"jwt": "new"}
    assert asked == 2


async def test_a_jwt_that_nobody_replaces_ends_the_session() -> None:
    async with scripted_node() as node:
        node.script("hello", signed_in(), refusal("bad_jwt", reason="expired"))
        async with open_session([node.url], Jwt("old")) as session:
            await node.tell(Hangup(4006))
            ended = await next_of(session, Ended)
    assert ended == Ended("The JSON Web Token has expired.", "refused")


async def test_a_refreshed_jwt_is_the_one_that_is_used() -> None:
    async with scripted_node() as node:
        node.script("hello", signed_in(), UNAUTHORIZED, signed_in())
        async with open_session([node.url], Jwt("old")) as session:
            await session.account.refresh("newer")
            await node.tell(LOST)
            hellos = await node.until("hello", 3)
    assert said(hellos[2]) == {"jwt": "newer"}
    assert node.frames("refresh")[0]["jwt"] == "newer"


# --- TLS --------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [ALICE, Token("t"), Jwt("j"), NEW])
async def test_no_secret_goes_to_another_machine_without_tls(identity: Identity) -> None:
    with pytest.raises(CannotConnect, match="without TLS"):
        async with open_session(["ws://192.0.2.1:9/ws"], identity):
            raise AssertionError("let in")
