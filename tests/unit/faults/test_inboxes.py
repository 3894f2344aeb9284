"""The checkers find what is wrong with direct messages, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from client.session import Connected
from gateway import wire
from tests.faults.checkers.compose import check
from tests.faults.checkers.result import TrafficCounts
from tests.faults.client.inbox_recorder import InboxRecorder
from tests.faults.history import (
    InjectedFault,
    Observation,
    ReceivedMessage,
    ReportedGap,
    RunHistory,
    SendOperation,
)

TEXTS = ("a:1", "b:1", "a:2", "a:3", "b:2")


def heard(*texts: str) -> list[ReceivedMessage]:
    return [(seq, text, TEXTS.index(text) + 1.1) for seq, text in enumerate(texts, 1)]


def clean() -> RunHistory:
    """Two who write to each other; b is there a second time from the third message on."""
    directs = [
        SendOperation(text[0], int(text[2]), to, text, at, seq, at + 0.2)
        for at, (text, to, seq) in enumerate(
            zip(TEXTS, ("b", "a", "b-7", "b-7", "a"), (1, 2, 3, 4, 3), strict=True), 1
        )
    ]
    return RunHistory(
        direct_sends=directs,
        inboxes=[
            Observation("a", "a's inbox 1", "e1", 0, 0.5, heard(*TEXTS), kept=True),
            Observation("b", "b's inbox 1", "e2", 0, 0.5, heard(*TEXTS[:2]), ended=2.5),
            Observation("b", "b's inbox 2", "e3", 0, 2.6, heard(*TEXTS[2:]), kept=True),
        ],
    )


def found(history: RunHistory) -> dict[str, int]:
    counts = check(history, patience=2).counts
    return {kind: count for kind, count in counts.items() if count}


def test_a_clean_history_passes() -> None:
    result = check(clean(), patience=2)
    assert result.clean, result.anomalies
    assert result.direct == TrafficCounts(sent=5, acknowledged=5, received=10)


def not_heard(history: RunHistory) -> None:
    del history.inboxes[0].received[2]


def end_not_heard(history: RunHistory) -> None:
    del history.inboxes[2].received[-1]


def never_delivered(history: RunHistory) -> None:
    history.inboxes[2].received = heard("a:2", "b:2")


def never_delivered_before_the_end_of_a_session(history: RunHistory) -> None:
    history.inboxes[1].received = heard("b:1")


def heard_twice(history: RunHistory) -> None:
    history.inboxes[2].received.insert(1, (1, "a:2", 3.3))


def delivered_to_the_next_session_too(history: RunHistory) -> None:
    history.inboxes[2].received = heard("a:1", *TEXTS[2:])


def heard_out_of_order(history: RunHistory) -> None:
    came = history.inboxes[0].received
    came[1], came[2] = came[2], came[1]


def overtaken(history: RunHistory) -> None:
    history.direct_sends[2].number, history.direct_sends[3].number = 3, 2


def other_answer(history: RunHistory) -> None:
    history.direct_sends[0].seq = 2


def never_written(history: RunHistory) -> None:
    del history.direct_sends[2]


def written_to_somebody_else(history: RunHistory) -> None:
    history.direct_sends[2].target = "c"


def told(history: RunHistory) -> None:
    history.inboxes[1].gap = ReportedGap("b", "b's inbox 1", "history_gap", "", 2, -1, 2.5)


PLANTS = (
    (not_heard, "lost"),
    (end_not_heard, "lost"),
    (never_delivered, "lost"),
    (never_delivered_before_the_end_of_a_session, "lost"),
    (heard_twice, "duplicated"),
    (delivered_to_the_next_session_too, "duplicated"),
    (heard_out_of_order, "reordered"),
    (overtaken, "reordered"),
    (other_answer, "diverged"),
    (never_written, "unexpected"),
    (written_to_somebody_else, "unexpected"),
    (told, "unexplained gap"),
)


@pytest.mark.parametrize(("plant", "kind"), PLANTS)
def test_what_is_planted_is_found(plant: Callable[[RunHistory], None], kind: str) -> None:
    history = clean()
    plant(history)
    assert found(history).get(kind), found(history)


def test_what_comes_to_a_session_about_to_end_need_not_be_heard() -> None:
    history = clean()
    del history.inboxes[1].received[-1]
    assert not found(history)


def test_what_was_never_acknowledged_may_be_missing() -> None:
    history = clean()
    history.direct_sends[3].seq = history.direct_sends[3].completed_at = None
    history.inboxes[0].received = heard("a:1", "b:1", "a:2", "b:2")
    history.inboxes[2].received = heard("a:2", "b:2")
    history.direct_sends[4].seq = 2
    assert not found(history)


def failed_over(*, told_at: float) -> RunHistory:
    """The primary died at 4.3 with the message that was answered then."""
    history = clean()
    history.faults = [InjectedFault("failover", "redis", 4.0, 4.3, losses=1)]
    a, _, b = history.inboxes
    gap = ReportedGap("a", a.stream, "history_lost", "e4", 4, 3, told_at)
    before, after = heard(*TEXTS[:4]), [(4, "b:2", 5.1)]
    a.received, a.ended, a.gap, a.kept = before, told_at, gap, False
    history.inboxes.append(Observation("a", a.stream, "e4", 3, told_at, after, kept=True))
    b.received = heard("a:2", "b:2")
    history.direct_sends[4].seq = 2
    return history


def test_what_redis_lost_as_it_failed_over_is_excused_where_its_sender_was_told() -> None:
    assert not found(failed_over(told_at=4.6))
    history = failed_over(told_at=4.6)
    history.faults[0].losses = 0
    assert set(found(history)) == {"lost", "unexplained gap"}


def test_who_is_told_too_late_was_not_told() -> None:
    assert set(found(failed_over(told_at=6.5))) == {"lost"}


def test_what_comes_before_its_connection_is_told_is_of_the_session_that_it_belongs_to() -> None:
    history = RunHistory()
    inbox = InboxRecorder("a", history)

    def came(epoch: str, seq: int) -> wire.DirectMessage:
        text = f"{epoch} {seq}"
        return wire.DirectMessage(
            seq=seq, at=0, epoch=epoch, sender="b", to="a", text=text, id=text
        )

    for resumed, epoch, first in ((False, "e", 1), (True, "e", 3), (False, "f", 1)):
        inbox.receive(came(epoch, first), 0.0)
        inbox.connected(Connected("url", "node", "a", resumed), 0.0)
        inbox.receive(came(epoch, first + 1), 0.0)
        inbox.disconnected()
    texts = [[text for _, text, _ in observation.received] for observation in history.inboxes]
    assert texts == [["e 1", "e 2", "e 3", "e 4"], ["f 1", "f 2"]]
    assert not history.errors
