"""From what was recorded to what went wrong. Pure."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from tests.faults import directs, rooms
from tests.faults.history import History, Listing, Presence, Sending, Stay, Strike, Tenure
from tests.faults.losses import Losses
from tests.faults.rooms import reads_of
from tests.faults.verdict import KINDS, Anomaly, Recovery, Traffic, Verdict

PROMPT_SECONDS: Final = 1.0
"""An acknowledgement that takes longer than this counts as unavailable time."""


def check(history: History, *, patience: float) -> Verdict:
    """Judge a run; who is gone may stay listed for ``patience`` seconds, outside faults."""
    logs = reads_of(history)
    losses = Losses(history, logs, patience=patience)
    recoveries = [_recovery(strike, history) for strike in history.strikes]
    anomalies = [
        *rooms.anomalies(history, logs, losses),
        *directs.anomalies(history, losses),
        *_ghosts(history, patience, _faulty_times(recoveries, history.strikes)),
        *_owned_twice(history.tenures),
        *(
            Anomaly("complaint", f"{ending.client}'s session ended: {ending.reason}")
            for ending in history.endings
            if not losses.explain_ending(ending)
        ),
        *(Anomaly("complaint", line) for line in history.complaints),
    ]
    lost = [sending for sending in history.sendings if losses.of_sender(sending)]
    counts = {kind: sum(a.kind == kind for a in anomalies) for kind in KINDS}
    return Verdict(
        anomalies=anomalies,
        recovered=rooms.recovered(history, logs),
        recoveries=recoveries,
        unavailable=_unavailable(history.sendings),
        in_rooms=_traffic(history.sendings, history.stays),
        direct=_traffic(history.directs, history.inboxes),
        counts=counts,
        announced=[sending.text for sending in lost],
        latest=max(map(losses.seconds_late, lost), default=None),
        told=sum(map(losses.explain, history.holes)),
    )


def _traffic(sendings: list[Sending], stays: list[Stay]) -> Traffic:
    acknowledged = sum(sending.seq is not None for sending in sendings)
    return Traffic(len(sendings), acknowledged, sum(len(stay.heard) for stay in stays))


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
