"""Messages in rooms: one order for all, and an acknowledged one is never lost. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.losses import Logs
from tests.faults.checkers.result import Anomaly
from tests.faults.checkers.streams import (
    overtaken,
    received_out_of_order,
    received_twice,
    repeated,
    skipped,
    unexplained_gap,
)
from tests.faults.history import LoggedMessage, Observation, RunHistory, SendOperation


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield everything that is wrong with the messages in rooms."""
    history, logs, losses = evidence.history, evidence.logs, evidence.losses
    observations = [losses.without_lost(each) for each in history.rooms]
    lost = {send.text for send in evidence.lost_sends}
    sends = [send for send in history.room_sends if send.text not in lost]
    yield from _diverged(history.final_reads, observations, sends)
    yield from _different_reads(logs)
    yield from _not_in_log(sends, logs)
    yield from _duplicated(logs)
    yield from _overtaken(history.room_sends, logs)
    yield from _unexpected(history, logs)
    for observation in history.rooms:
        yield from skipped(observation, logs.get(observation.stream, [{}])[0])
    for observation in observations:
        yield from received_twice(observation)
        yield from received_out_of_order(observation)
    for gap in history.gaps:
        if not losses.allow_gap(gap):
            yield unexplained_gap(gap)


def recovered(evidence: Evidence) -> list[str]:
    """Return the texts of messages that were delivered though their answer never came."""
    reads = [read for reads in evidence.logs.values() for read in reads]
    delivered = {text for read in reads for text in read.values()}
    sends = evidence.history.room_sends
    return [send.text for send in sends if send.seq is None and send.text in delivered]


def _diverged(
    reads: Mapping[tuple[str, str], Sequence[LoggedMessage]],
    observations: Sequence[Observation],
    sends: Sequence[SendOperation],
) -> Iterator[Anomaly]:
    """Yield every ``seq`` of a room at which two clients have different messages."""
    seen: dict[tuple[str, int], dict[str, str]] = {}
    for (client, room), messages in reads.items():
        for seq, text in messages:
            seen.setdefault((room, seq), {}).setdefault(text, f"{client}'s last read")
    for each in observations:
        for seq, text, _ in each.received:
            seen.setdefault((each.stream, seq), {}).setdefault(text, each.client)
    for send in sends:
        if send.seq is not None:
            place = (send.target, send.seq)
            seen.setdefault(place, {}).setdefault(send.text, f"{send.client}'s answer")
    for (room, seq), texts in seen.items():
        if len(texts) > 1:
            versions = ", ".join(f"{text} ({who})" for text, who in texts.items())
            yield Anomaly("diverged", f"{room} {seq} is {versions}", tuple(texts))


def _different_reads(logs: Logs) -> Iterator[Anomaly]:
    for room, reads in logs.items():
        if any(read.keys() != reads[0].keys() for read in reads):
            odd = set().union(*reads) - set(reads[0]).intersection(*reads)
            yield Anomaly("diverged", f"last reads of {room} differ at {sorted(odd)}")


def _not_in_log(sends: Sequence[SendOperation], logs: Logs) -> Iterator[Anomaly]:
    """Yield what was acknowledged and is not in every client's last read."""
    everywhere = {
        room: set.intersection(*(set(read.values()) for read in reads))
        for room, reads in logs.items()
    }
    for send in sends:
        texts = everywhere.get(send.target)
        if send.seq is not None and texts is not None and send.text not in texts:
            yield Anomaly("lost", f"{send.target} {send.seq} is in the log no more", (send.text,))


def _duplicated(logs: Logs) -> Iterator[Anomaly]:
    for room, reads in logs.items():
        for text in repeated(reads[0].values()):
            seqs = [seq for seq, logged in reads[0].items() if logged == text]
            yield Anomaly("duplicated", f"{room} has it at {seqs}", (text,))


def _overtaken(sends: Sequence[SendOperation], logs: Logs) -> Iterator[Anomaly]:
    by_text = {send.text: send for send in sends}
    for room, reads in logs.items():
        logged = [by_text[text] for _, text in sorted(reads[0].items()) if text in by_text]
        yield from overtaken(room, logged)


def _unexpected(history: RunHistory, logs: Logs) -> Iterator[Anomaly]:
    """Yield what was read or received in a room, and nobody sent there."""
    sent = {(send.target, send.text) for send in history.room_sends}
    known = {(room, text) for room, reads in logs.items() for r in reads for text in r.values()}
    known |= {(each.stream, text) for each in history.rooms for _, text, _ in each.received}
    for room, text in sorted(known - sent):
        yield Anomaly("unexpected", f"nobody said it in {room}", (text,))
