"""How long somebody waits after wrong passwords, and what is counted for that. Pure.

Counted are the failures in a row for an account (by the folded nickname, whether or not it exists)
and for an address. Nobody is locked out:

- the waits are bounded;
- what is tried before its time is refused, and does not count;
- while others guess at an account, an address that has not failed waits for a few seconds only;
- none of this is asked of a device token.

For each of them one counter is stored, a number that expires `Pace.kept` seconds after it last
grew: what is left of its time says how long ago that was. The caller

1. asks `wait` with both counters, and refuses if it is more than 0;
2. adds 1 to both and has them expire anew, before the password is tried and only if they are still
   as they were in 1 (else back to 1): so a thousand guesses at once are a thousand failures;
3. if the password was right, deletes the account's counter, and takes 1 back from the address's if
   it is still there.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Pace(NamedTuple):
    """How waits grow.

    - ``free``: failures that cost no wait;
    - ``first``: seconds to wait after the next one; each further one doubles them;
    - ``longest``: the most seconds;
    - ``kept``: seconds after the last failure when all are forgotten.
    """

    free: int
    first: float
    longest: float
    kept: float


class FailureCount(NamedTuple):
    """A counter as it is stored: failures in a row, and seconds until it expires."""

    failures: int
    expires_in: float


NO_FAILURES: Final = FailureCount(0, 0.0)
ACCOUNT: Final = Pace(free=3, first=1.0, longest=60.0, kept=900.0)
ADDRESS: Final = Pace(free=10, first=1.0, longest=300.0, kept=3600.0)
NEWCOMER_SECONDS: Final = 5.0
"""The longest wait for an account by an address that has not failed."""


def wait(account: FailureCount, address: FailureCount) -> float:
    """Return the seconds until a password may be tried for an account from an address, or 0.0."""
    longest = ACCOUNT.longest if address.failures else NEWCOMER_SECONDS
    for_account = wait_left(ACCOUNT._replace(longest=longest), account)
    return max(for_account, wait_left(ADDRESS, address))


def wait_left(pace: Pace, counter: FailureCount) -> float:
    """Return the seconds that are left of the wait after some failures.

    A counter that expires later than it can is from before Redis's clock was set back, or from a
    primary whose clock was ahead: the wait is over, since it would last as long as they differ.
    """
    if counter.expires_in > pace.kept:
        return 0.0
    since_last = pace.kept - counter.expires_in
    return max(0.0, wait_after(pace, counter.failures) - since_last)


def wait_after(pace: Pace, count: int) -> float:
    """Return the seconds to wait after so many failures in a row, from the last of them."""
    if count <= pace.free:
        return 0.0
    doublings = min(count - pace.free - 1, 32)
    return min(pace.first * 2.0**doublings, pace.longest)
