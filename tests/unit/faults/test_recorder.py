"""What a client is told goes into the history, however its events and answers interleave."""

from __future__ import annotations

from client.session import Connected, Disconnected, Ended, Rejoined
from gateway import wire
from tests.faults.client.recorder import ClientRecorder
from tests.faults.history import NOT_RECOVERED, RunHistory, SessionEnd


def message(seq: int, text: str, *, erased: bool = False) -> wire.Message:
    shown = "" if erased else text
    return wire.Message(seq=seq, at=0, room="lobby", sender="b", text=shown, id=text, erased=erased)


def joined(seq: int, *, epoch: str = "e", recovered: bool = True, missed: int = 0) -> wire.Joined:
    messages = [message(number, f"b:{number}") for number in range(seq - missed + 1, seq + 1)]
    return wire.Joined(
        id="j", room="lobby", epoch=epoch, seq=seq, recovered=recovered, messages=messages,
        members=[], version=1, count=0,
    )  # fmt: skip


def gap(code: str, seq: int, epoch: str) -> wire.Notice:
    return wire.Notice(code=code, message="", room="lobby", epoch=epoch, seq=seq)


def in_lobby(history: RunHistory) -> ClientRecorder:
    """A client that has joined after message 1, at the time 1."""
    recorder = ClientRecorder("a", history)
    recorder.receive(Connected("url", "node", "a", resumed=False), 0.5)
    recorder.joined(joined(1), "a", 1.0)
    return recorder


def texts(history: RunHistory) -> list[list[str]]:
    return [[text for _, text, _ in each.received] for each in history.rooms]


def test_messages_that_overtake_the_answer_to_a_join_count_if_they_are_after_it() -> None:
    history = RunHistory()
    recorder = ClientRecorder("a", history)
    recorder.receive(message(1, "b:1"), 0.1)
    recorder.receive(message(2, "b:2"), 0.2)
    recorder.joined(joined(1), "a", 0.3)
    recorder.receive(message(3, "b:3"), 0.4)
    [lobby] = history.rooms
    assert (lobby.since, lobby.received) == (1, [(2, "b:2", 0.2), (3, "b:3", 0.4)])


def test_an_erased_message_is_known_by_its_id() -> None:
    history = RunHistory()
    in_lobby(history).receive(message(2, "b:2", erased=True), 2.0)
    assert texts(history) == [["b:2"]]


def test_a_rejoin_brings_what_was_missed() -> None:
    history = RunHistory()
    in_lobby(history).receive(Rejoined(joined(3, missed=2)), 2.0)
    assert texts(history) == [["b:2", "b:3"]]
    assert not history.gaps


def test_a_gap_ends_an_observation_and_begins_another_one() -> None:
    history = RunHistory()
    recorder = in_lobby(history)
    recorder.receive(message(2, "b:2"), 2.0)
    recorder.receive(gap("history_lost", 1, "f"), 3.0)
    recorder.receive(message(2, "b:3"), 4.0)
    recorder.receive(Rejoined(joined(7, epoch="f", recovered=False)), 5.0)
    assert [(g.reason, g.epoch, g.after, g.up_to, g.at) for g in history.gaps] == [
        ("history_lost", "f", 2, 1, 3.0),
        (NOT_RECOVERED, "f", 2, 7, 5.0),
    ]
    assert texts(history) == [["b:2"], ["b:3"], []]
    assert [(each.epoch, each.since, each.ended) for each in history.rooms] == [
        ("e", 1, 3.0), ("f", 1, 5.0), ("f", 7, None),
    ]  # fmt: skip


def test_the_end_of_a_session_ends_everything_in_it() -> None:
    history = RunHistory()
    recorder = in_lobby(history)
    recorder.end_session(9.0)
    assert [history.rooms[0].ended, history.memberships[0].until] == [9.0, 9.0]
    assert [history.inboxes[0].ended, history.ownerships[0].until] == [9.0, 9.0]
    assert recorder.rooms == {}


def test_without_a_connection_a_nickname_is_not_certain() -> None:
    history = RunHistory()
    recorder = in_lobby(history)
    recorder.receive(Disconnected("ws://127.0.0.1:1/ws the connection broke", 0.0, "url"), 2.0)
    recorder.receive(Connected("url", "node", "a", resumed=True), 3.0)
    assert history.disconnects == {"the connection broke": 1}
    assert [(each.since, each.until) for each in history.ownerships] == [(0.5, 2.0), (3.0, None)]
    assert history.memberships[0].until is None


def test_the_end_of_a_session_by_a_node_is_recorded_with_its_reason() -> None:
    history = RunHistory()
    in_lobby(history).receive(Ended("somebody else has the nickname"), 2.0)
    assert history.session_ends == [SessionEnd("a", "somebody else has the nickname", 2.0)]
