"""From what was said and heard in rooms to what went wrong there. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from tests.faults.history import History, Hole, Logged, Sending, Stay
from tests.faults.losses import Logs, Losses
from tests.faults.verdict import Anomaly


def anomalies(history: History, logs: Logs, losses: Losses) -> Iterator[Anomaly]:
    """Judge what was said and heard in rooms."""
    stays = [losses.without(stay) for stay in history.stays]
    kept = [sending for sending in history.sendings if not losses.of_sender(sending)]
    yield from _diverged(history.logs, stays, kept)
    yield from _different_reads(logs)
    yield from _lost(kept, history.stays, logs)
    yield from _doubled(stays, logs)
    yield from _reordered(history.sendings, stays, logs)
    yield from _unexpected(history, logs)
    yield from _not_erased(history)
    for hole in history.holes:
        if not losses.explain(hole):
            yield told(hole)


def told(hole: Hole) -> Anomaly:
    """Give what somebody was told who should not have been."""
    what = f"{hole.client} in {hole.room}: {hole.why}, {hole.after} to {hole.up_to}"
    return Anomaly("told", what)


def reads_of(history: History) -> Logs:
    """Give everybody's last read of each room."""
    reads: Logs = {}
    for (_, room), messages in sorted(history.logs.items()):
        reads.setdefault(room, []).append(dict(messages))
    return reads


def _diverged(
    reads: Mapping[tuple[str, str], list[Logged]], stays: list[Stay], sendings: list[Sending]
) -> Iterator[Anomaly]:
    """Give every seq of a room at which two clients have another message."""
    seen: dict[tuple[str, int], dict[str, str]] = {}
    for (client, room), messages in reads.items():
        for seq, text in messages:
            seen.setdefault((room, seq), {}).setdefault(text, f"{client}'s last read")
    for stay in stays:
        for seq, text, _ in stay.heard:
            seen.setdefault((stay.room, seq), {}).setdefault(text, stay.client)
    for sending in sendings:
        if sending.seq is not None:
            place = (sending.room, sending.seq)
            seen.setdefault(place, {}).setdefault(sending.text, f"{sending.client}'s answer")
    for (room, seq), texts in seen.items():
        if len(texts) > 1:
            said = ", ".join(f"{text} ({who})" for text, who in texts.items())
            yield Anomaly("diverged", f"{room} {seq} is {said}", tuple(texts))


def _different_reads(logs: Logs) -> Iterator[Anomaly]:
    for room, reads in logs.items():
        if any(read.keys() != reads[0].keys() for read in reads):
            odd = set().union(*reads) - set(reads[0]).intersection(*reads)
            yield Anomaly("diverged", f"last reads of {room} differ at {sorted(odd)}")


def _lost(sendings: list[Sending], stays: list[Stay], logs: Logs) -> Iterator[Anomaly]:
    """Give what was acknowledged and is not in the log, and what members did not get."""
    everywhere = {
        room: set.intersection(*(set(read.values()) for read in reads))
        for room, reads in logs.items()
    }
    for sending in sendings:
        texts = everywhere.get(sending.room)
        if sending.seq is not None and texts is not None and sending.text not in texts:
            what = f"{sending.room} {sending.seq} is in the log no more"
            yield Anomaly("lost", what, (sending.text,))
    for stay in stays:
        yield from skipped(stay, logs.get(stay.room, [{}])[0])


def skipped(stay: Stay, log: dict[int, str]) -> Iterator[Anomaly]:
    """Give every seq between a stay's start and its end that did not come."""
    if missing := _missing(stay, log):
        what = f"{stay.client} in {stay.room} did not get {_ranges(missing)}"
        yield Anomaly("lost", what, tuple(log.get(seq, "?") for seq in missing))


def _missing(stay: Stay, log: dict[int, str]) -> list[int]:
    seqs = {seq for seq, _, _ in stay.heard}
    last = max(seqs, default=stay.since)
    if stay.kept:
        last = max(last, *log, 0)
    return [seq for seq in range(stay.since + 1, last + 1) if seq not in seqs]


def _ranges(seqs: list[int]) -> str:
    groups = itertools.groupby(enumerate(seqs), lambda pair: pair[1] - pair[0])
    spans = [[seq for _, seq in group] for _, group in groups]
    return ", ".join(str(s[0]) if len(s) == 1 else f"{s[0]}-{s[-1]}" for s in spans)


def _doubled(stays: list[Stay], logs: Logs) -> Iterator[Anomaly]:
    for room, reads in logs.items():
        for text in _repeated(reads[0].values()):
            seqs = [seq for seq, said in reads[0].items() if said == text]
            yield Anomaly("duplicated", f"{room} has it at {seqs}", (text,))
    for stay in stays:
        yield from heard_twice(stay)


def heard_twice(stay: Stay) -> Iterator[Anomaly]:
    """Give what came to a client more than once."""
    for text in _repeated(text for _, text, _ in stay.heard):
        yield Anomaly("duplicated", f"{stay.client} in {stay.room} got it more than once", (text,))


def _repeated(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [text for text in texts if text in seen or seen.add(text)]  # type: ignore[func-returns-value]


def _reordered(sendings: list[Sending], stays: list[Stay], logs: Logs) -> Iterator[Anomaly]:
    """Give what came to a client out of order, and what overtook an earlier one of its sender."""
    for stay in stays:
        yield from heard_out_of_order(stay)
    by_text = {sending.text: sending for sending in sendings}
    for room, reads in logs.items():
        said = [by_text[text] for _, text in sorted(reads[0].items()) if text in by_text]
        yield from overtaken(room, said)


def heard_out_of_order(stay: Stay) -> Iterator[Anomaly]:
    """Give what came to a client behind something later."""
    for (seq, text, _), (next_seq, next_text, _) in itertools.pairwise(stay.heard):
        if next_seq < seq:
            what = f"{stay.client} in {stay.room} heard {next_seq} after {seq}"
            yield Anomaly("reordered", what, (text, next_text))


def overtaken(where: str, said: Iterable[Sending]) -> Iterator[Anomaly]:
    """Give what was overtaken by something that its sender said later to the same place."""
    latest: dict[tuple[str, str], Sending] = {}
    for sending in said:
        before = latest.get((sending.client, sending.room))
        if before is not None and before.number > sending.number:
            what = f"{sending.client} in {where} said {sending.text} before {before.text}"
            yield Anomaly("reordered", what, (sending.text, before.text))
        latest[sending.client, sending.room] = sending


def _unexpected(history: History, logs: Logs) -> Iterator[Anomaly]:
    said = {(sending.room, sending.text) for sending in history.sendings}
    known = {(room, text) for room, reads in logs.items() for r in reads for text in r.values()}
    known |= {(stay.room, text) for stay in history.stays for _, text, _ in stay.heard}
    for room, text in sorted(known - said):
        yield Anomaly("unexpected", f"nobody said it in {room}", (text,))


def _not_erased(history: History) -> Iterator[Anomaly]:
    """Yield what can be read though it was erased, unless Redis may have lost that."""
    for number, strike in enumerate(history.strikes):
        if any(later.losses for later in history.strikes[number:]):
            continue
        for text in sorted(strike.erased & history.readable):
            yield Anomaly("not erased", f"it was erased in {strike.where}", (text,))


def recovered(history: History, logs: Logs) -> list[str]:
    """Give what was delivered though its answer never came."""
    delivered = {text for reads in logs.values() for read in reads for text in read.values()}
    return [s.text for s in history.sendings if s.seq is None and s.text in delivered]
