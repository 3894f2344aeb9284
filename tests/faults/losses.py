"""What Redis lost as it failed over or was emptied, and said so: that breaks no promise. Pure.

Replication is asynchronous, so a primary that dies takes with it what its replica did not have yet.
A message may be gone if it came into its log in such a time, or was in it when somebody emptied
Redis, and if whoever had it, or was told that it is there, was told of the loss afterwards: the
room went on in another epoch.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from client.i18n.server_texts import CLOSINGS
from gateway.closing import NICK_LOST
from tests.faults.history import NOT_RECOVERED, Ending, Heard, History, Hole, Sending, Stay, Strike

SLACK: Final = 3.0
"""Seconds that an answer may take from a node to its client on a busy machine."""

FINDING_OUT: Final = 1.0
"""Seconds after a loss in which not every node need know of it yet."""

Logs = dict[str, list[dict[int, str]]]
"""Every client's last read of each room, by ``seq``."""


class Losses:
    """Tells what is explained by the faults of a run by which Redis may lose messages."""

    def __init__(self, history: History, logs: Logs, *, patience: float) -> None:
        """Allow ``patience`` seconds until everybody has been told."""
        self._history = history
        self._logs = {room: reads[0] for room, reads in logs.items()}
        self._patience = patience
        self._lossy = [strike for strike in history.strikes if strike.losses]
        self._said = {sending.text: sending for sending in history.sendings + history.directs}
        self._over = [self._over_at(strike) for strike in self._lossy]
        self._known_at: dict[str, float] = {}
        for text, at in self._sightings():
            self._known_at[text] = min(at, self._known_at.get(text, at))

    def _sightings(self) -> list[tuple[str, float]]:
        stays = self._history.stays + self._history.inboxes
        sendings = self._said.values()
        answers = [(s.text, s.answered_at) for s in sendings if s.answered_at is not None]
        return answers + [(text, at) for stay in stays for _, text, at in stay.heard]

    def _faults_of(self, text: str) -> list[Strike]:
        """Return the faults that deleted a message, or that were as it came into its log.

        It was said before such a fault was over, and first known of when it had begun. Its answer
        may be late, but not later than that to something its client said after the fault. Where the
        old primary goes on, it may be of the time until that must have been left.
        """
        at, said = self._known_at.get(text, -math.inf), self._said.get(text)

        def explains(strike: Strike, over: dict[str, float]) -> bool:
            if text in strike.deleted:
                return True
            if said is None or at < strike.began:
                return False
            if strike.late is not None:
                return at <= _end(strike) + strike.late + SLACK
            return said.asked_at <= _end(strike) and at <= over.get(said.client, math.inf)

        pairs = zip(self._lossy, self._over, strict=True)
        return [strike for strike, over in pairs if explains(strike, over)]

    def _over_at(self, strike: Strike) -> dict[str, float]:
        """Return when each client first had an answer to something it said after a fault."""
        over: dict[str, float] = {}
        for said in self._said.values():
            if said.asked_at > _end(strike) and said.answered_at is not None:
                at = over.get(said.client, said.answered_at)
                over[said.client] = min(at, said.answered_at)
        return over

    # --- messages -----------------------------------------------------------------------------

    def of_sender(self, sending: Sending) -> bool:
        """Tell whether a message that was acknowledged is gone, and its sender knows."""
        faults = self._faults_of(sending.text)
        if not faults or sending.answered_at is None or sending.room not in self._logs:
            return False
        if sending.text in self._logs[sending.room].values():
            return False
        # Not when it was answered: its sender may come to that after the notice of a loss.
        known_at = self._known_at.get(sending.text, sending.answered_at)
        own = [
            stay
            for stay in self._history.stays
            if (stay.client, stay.room) == (sending.client, sending.room) and stay.began <= known_at
        ]
        latest = max(own, key=lambda stay: stay.began, default=None)
        return latest is None or self._knows(latest, faults)

    def seconds_late(self, sending: Sending) -> float:
        """Return how long after the fault that lost it a message was acknowledged."""
        assert sending.answered_at is not None
        return sending.answered_at - max(_end(fault) for fault in self._faults_of(sending.text))

    def _knows(self, stay: Stay, faults: list[Strike]) -> bool:
        """Tell whether somebody was told of what one of these has done, or left before."""
        ended = stay.ended
        return ended is not None and any(ended <= _end(f) + self._patience for f in faults)

    def of_listener(self, stay: Stay, heard: Heard) -> bool:
        """Tell whether a message is gone that somebody had heard, who knows."""
        seq, text, _ = heard
        log, hole = self._logs.get(stay.room), stay.hole
        if log is None or log.get(seq) == text:
            return False
        said_to_be_there = hole is not None and hole.why == "history_lost" and seq <= hole.up_to
        then = hole.at if hole is not None and said_to_be_there else -math.inf
        return self._knows(stay, [fault for fault in self._faults_of(text) if fault.began > then])

    def without(self, stay: Stay) -> Stay:
        """Give a stay without the messages that are gone, as its client knows."""
        heard = [each for each in stay.heard if not self.of_listener(stay, each)]
        return replace(stay, heard=heard)

    # --- direct messages ----------------------------------------------------------------------

    def of_direct(self, text: str, *inboxes: Stay | None) -> bool:
        """Tell whether a message may be gone, and the reader of one of these inboxes knows."""
        faults = self._faults_of(text)
        return any(inbox is not None and self._knows(inbox, faults) for inbox in inboxes)

    def explain_inbox(self, hole: Hole) -> bool:
        """Return whether the reader of an inbox had to be told of a loss: once for each."""
        holes = [
            inbox.hole
            for inbox in self._history.inboxes
            if inbox.room == hole.room and inbox.hole is not None
        ]
        faults = [strike for strike in self._lossy if strike.began <= hole.at]
        return holes.index(hole) < sum(strike.losses for strike in faults)

    # --- what clients were told ---------------------------------------------------------------

    def explain(self, hole: Hole) -> bool:
        """Tell whether a client had to be told of a loss.

        Each loss accounts for one epoch that a room's members are told of. Others need no fault:
        a room that nobody is in, and nothing was said in, begins anew. Who comes back to a node
        that did not see the loss, before others have told of it, is told in the known epoch.
        """
        stays = [stay for stay in self._history.stays if stay.room == hole.room]
        first = min(stays, key=lambda stay: stay.began).epoch
        ended = {id(stay.hole): stay.epoch for stay in stays}
        holes = sorted(self._history.holes, key=lambda each: each.at)
        told = list(
            dict.fromkeys(
                each.epoch
                for each in holes
                if each.room == hole.room and each.epoch != ended.get(id(each))
            )
        )
        faults = [strike for strike in self._lossy if strike.began <= hole.at]
        times = sum(strike.losses for strike in faults)
        if hole.epoch == ended.get(id(hole)):
            finding_out = (s.began <= hole.at <= _end(s) + FINDING_OUT for s in faults)
            return hole.why == NOT_RECOVERED and any(finding_out)
        return hole.epoch != first and told.index(hole.epoch) < times

    def explain_ending(self, ending: Ending) -> bool:
        """Tell whether a session lost its nickname to one that had given it up.

        Redis went back to before that, and so to the earlier owner.
        """
        return ending.reason == CLOSINGS[NICK_LOST.code] and any(
            strike.began <= ending.at <= _end(strike) + self._patience for strike in self._lossy
        )


def _end(strike: Strike) -> float:
    return strike.began if strike.ended is None else strike.ended
