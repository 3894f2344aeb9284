"""From what was recorded to what went wrong. Pure."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from tests.faults.history import (
    History,
    Listing,
    Logged,
    Presence,
    Sending,
    Stay,
    Strike,
    Tenure,
)
from tests.faults.losses import Logs, Losses

PROMPT_SECONDS: Final = 1.0
"""An acknowledgement that takes longer than this counts as unavailable time."""
ROOM_KINDS: Final = ("lost", "duplicated", "reordered", "diverged", "unexpected", "told")
KINDS: Final = (*ROOM_KINDS, "ghost", "unlisted", "owned twice", "complaint")


@dataclass(frozen=True)
class Anomaly:
    """Something that must not be, and the messages or names concerned."""

    kind: str
    what: str
    concerned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recovery:
    """How long after a fault everybody could send and hear again; None if that never came."""

    fault: str
    where: str
    seconds: float | None


@dataclass
class Verdict:
    """The outcome of a run."""

    anomalies: list[Anomaly]
    recovered: list[str]
    """Messages whose answer is unknown, yet they were delivered."""
    recoveries: list[Recovery]
    unavailable: dict[str, float]
    """Seconds, by client, in which a message waited longer than it should."""
    sent: int = 0
    acknowledged: int = 0
    heard: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    """Acknowledged messages that Redis lost, of which those who knew of them were told."""
    told: int = 0
    """How often somebody was told of such a loss."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not self.anomalies


def check(history: History, *, patience: float) -> Verdict:
    """Judge a run; who is gone may stay listed for ``patience`` seconds, outside faults."""
    logs = _reads(history)
    losses = Losses(history, logs, patience=patience)
    stays = [losses.without(stay) for stay in history.stays]
    gone: list[Sending] = []
    kept: list[Sending] = []
    for sending in history.sendings:
        (gone if losses.of_sender(sending) else kept).append(sending)
    recoveries = [_recovery(strike, history) for strike in history.strikes]
    anomalies = [
        *_diverged(history.logs, stays, kept),
        *_different_reads(logs),
        *_lost(kept, history.stays, logs),
        *_doubled(stays, logs),
        *_reordered(history.sendings, stays, logs),
        *_unexpected(history, logs),
        *(
            Anomaly("told", f"{h.client} in {h.room}: {h.why}, {h.after} to {h.up_to}")
            for h in history.holes
            if not losses.explain(h)
        ),
        *_ghosts(history, patience, _faulty_times(recoveries, history.strikes)),
        *_owned_twice(history.tenures),
        *(
            Anomaly("complaint", f"{ending.client}'s session ended: {ending.reason}")
            for ending in history.endings
            if not losses.explain_ending(ending)
        ),
        *(Anomaly("complaint", line) for line in history.complaints),
    ]
    counts = {kind: sum(a.kind == kind for a in anomalies) for kind in KINDS}
    return Verdict(
        anomalies=anomalies,
        recovered=_recovered(history, logs),
        recoveries=recoveries,
        unavailable=_unavailable(history.sendings),
        sent=len(history.sendings),
        acknowledged=sum(s.seq is not None for s in history.sendings),
        heard=sum(len(stay.heard) for stay in history.stays),
        counts=counts,
        announced=[sending.text for sending in gone],
        told=sum(map(losses.explain, history.holes)),
    )


def _reads(history: History) -> Logs:
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
        missing = _missing(stay, logs.get(stay.room, [{}])[0])
        if missing:
            log = logs.get(stay.room, [{}])[0]
            what = f"{stay.client} in {stay.room} did not get {_ranges(missing)}"
            yield Anomaly("lost", what, tuple(log.get(seq, "?") for seq in missing))


def _missing(stay: Stay, log: dict[int, str]) -> list[int]:
    """Give every seq between a stay's start and its end that did not come."""
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
        for text in _repeated(text for _, text, _ in stay.heard):
            what = f"{stay.client} in {stay.room} got it more than once"
            yield Anomaly("duplicated", what, (text,))


def _repeated(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [text for text in texts if text in seen or seen.add(text)]  # type: ignore[func-returns-value]


def _reordered(sendings: list[Sending], stays: list[Stay], logs: Logs) -> Iterator[Anomaly]:
    """Give what came to a client out of order, and what overtook an earlier one of its sender."""
    for stay in stays:
        for (seq, text, _), (next_seq, next_text, _) in itertools.pairwise(stay.heard):
            if next_seq < seq:
                what = f"{stay.client} in {stay.room} heard {next_seq} after {seq}"
                yield Anomaly("reordered", what, (text, next_text))
    by_text = {sending.text: sending for sending in sendings}
    for room, reads in logs.items():
        latest: dict[str, Sending] = {}
        for _, text in sorted(reads[0].items()):
            sending = by_text.get(text)
            if sending is None:
                continue
            before = latest.get(sending.client)
            if before is not None and before.number > sending.number:
                what = f"{sending.client} in {room} said {sending.text} before {before.text}"
                yield Anomaly("reordered", what, (sending.text, before.text))
            latest[sending.client] = sending


def _unexpected(history: History, logs: Logs) -> Iterator[Anomaly]:
    said = {(sending.room, sending.text) for sending in history.sendings}
    known = {(room, text) for room, reads in logs.items() for r in reads for text in r.values()}
    known |= {(stay.room, text) for stay in history.stays for _, text, _ in stay.heard}
    for room, text in sorted(known - said):
        yield Anomaly("unexpected", f"nobody said it in {room}", (text,))


def _recovered(history: History, logs: Logs) -> list[str]:
    delivered = {text for reads in logs.values() for read in reads for text in read.values()}
    return [s.text for s in history.sendings if s.seq is None and s.text in delivered]


# --- names ------------------------------------------------------------------------------------


def _faulty_times(recoveries: list[Recovery], strikes: list[Strike]) -> list[tuple[float, float]]:
    """Give the times in which a fault was there, or not everybody was well again, in order."""
    times: list[tuple[float, float]] = []
    for strike, recovery in zip(strikes, recoveries, strict=True):
        began, ended = strike.began, _end(strike) + (recovery.seconds or 0.0)
        if times and began <= times[-1][1]:
            began, ended = times[-1][0], max(ended, times.pop()[1])
        times.append((began, ended))
    return times


def _end(strike: Strike) -> float:
    return strike.began if strike.ended is None else strike.ended


def _ghosts(
    history: History, patience: float, faulty: list[tuple[float, float]]
) -> Iterator[Anomaly]:
    by_room: dict[str, list[Presence]] = {}
    for presence in history.presences:
        by_room.setdefault(presence.room, []).append(presence)
    for listing in history.listings:
        presences = by_room.get(listing.room, [])
        for nick in sorted(listing.nicks):
            gone = _gone_for(nick, presences, listing, faulty)
            if gone > patience or (listing.final and gone > 0):
                what = f"{listing.client} saw {nick} in {listing.room}, gone for {gone:.1f} s"
                yield Anomaly("ghost", what, (nick,))
        if listing.final:
            there = {p.nick for p in presences if p.until is None}
            for nick in sorted(there - listing.nicks):
                what = f"{listing.client} did not see {nick} in {listing.room}"
                yield Anomaly("unlisted", what, (nick,))


def _gone_for(
    nick: str, presences: list[Presence], listing: Listing, faulty: list[tuple[float, float]]
) -> float:
    """Give for how long somebody listed had been gone, not counting the time of faults."""
    own = [p for p in presences if p.nick == nick and p.since <= listing.asked_at]
    left = [p.until for p in own if p.until is not None]
    if len(left) < len(own) or not own:
        return 0.0  # there, or about to be: the answer to a join may be slower than others' news
    gone_at = max(left)
    not_counted = sum(
        max(0.0, min(end, listing.asked_at) - max(begin, gone_at)) for begin, end in faulty
    )
    return max(0.0, listing.asked_at - gone_at - not_counted)


def _owned_twice(tenures: list[Tenure]) -> Iterator[Anomaly]:
    by_nick: dict[str, list[Tenure]] = {}
    for tenure in tenures:
        by_nick.setdefault(tenure.nick.casefold(), []).append(tenure)
    for nick, owners in by_nick.items():
        for one, two in itertools.combinations(owners, 2):
            ends = [t.until for t in (one, two) if t.until is not None]
            overlap = min(ends, default=float("inf")) - max(one.since, two.since)
            if one.client != two.client and overlap > 0:
                what = f"{one.client} and {two.client} both had {nick} for {overlap:.3f} s"
                yield Anomaly("owned twice", what, (nick,))


# --- time -------------------------------------------------------------------------------------


def _recovery(strike: Strike, history: History) -> Recovery:
    """Give how long it took until each client had an answer, and heard, again."""
    ended = _end(strike)
    sent_at = {s.text: s.asked_at for s in history.sendings}
    answered: dict[str, float] = {}
    for sending in history.sendings:
        if sending.asked_at >= ended and sending.answered_at is not None:
            at = answered.get(sending.client, sending.answered_at)
            answered[sending.client] = min(at, sending.answered_at)
    latest = max(answered.values(), default=ended)
    heard: dict[str, float] = {}
    for stay in history.stays:
        for _, text, at in stay.heard[bisect_left(stay.heard, ended, key=itemgetter(2)) :]:
            if sent_at.get(text, 0.0) >= ended:
                heard[stay.client] = min(heard.get(stay.client, at), at)
                break
    latest = max(latest, *heard.values(), ended)
    return Recovery(strike.fault, strike.where, latest - ended if heard else None)


def _unavailable(sendings: list[Sending]) -> dict[str, float]:
    """Give, by client, the time in which at least one message was overdue."""
    total: dict[str, float] = {}
    covered: dict[str, float] = {}
    for sending in sorted(sendings, key=lambda s: s.asked_at):
        total.setdefault(sending.client, 0.0)
        if sending.answered_at is None:
            continue
        begin = max(sending.asked_at + PROMPT_SECONDS, covered.get(sending.client, 0.0))
        if sending.answered_at > begin:
            total[sending.client] += sending.answered_at - begin
            covered[sending.client] = sending.answered_at
    return total
