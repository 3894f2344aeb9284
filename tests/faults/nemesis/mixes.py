"""The mixes: named sets of faults that a run chooses from. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from tests.faults.nemesis.connections import (
    delay,
    drop,
    partition,
    slow,
    subscriber_cut,
    subscriber_silent,
)
from tests.faults.nemesis.double_resume import double_resume
from tests.faults.nemesis.failovers import (
    failover,
    handover,
    lagging_failover,
    sentinel_failover,
    slow_demotion,
)
from tests.faults.nemesis.fault import Fault
from tests.faults.nemesis.nodes import drain, kill, pause_all, pause_node
from tests.faults.nemesis.redis import (
    clock_ahead,
    clock_back,
    flush,
    full,
    pause_redis,
    purge,
    redis_restart,
)
from tests.faults.nemesis.rollbacks import (
    roll_back,
    roll_back_again,
    roll_back_unseen,
    roll_far_back,
)

MIXES: Final[dict[str, tuple[Fault, ...]]] = {
    "kill": (kill,),
    "drain": (drain,),
    "pause": (pause_node, pause_redis),
    "pause-all": (pause_all,),
    "redis-pause": (pause_redis,),
    "redis-restart": (redis_restart,),
    "full": (full,),
    "flush": (flush,),
    "rollback": (roll_back, roll_far_back, roll_back_again, roll_back_unseen),
    "failover": (handover, failover, lagging_failover),
    "handover": (handover,),
    "lagging-failover": (lagging_failover,),
    "sentinel-failover": (sentinel_failover,),
    "slow-demotion": (slow_demotion,),
    "partition": (partition,),
    "subscriber-cut": (subscriber_cut, subscriber_silent),
    "subscriber-silent": (subscriber_silent,),
    "slow": (slow,),
    "drop": (drop,),
    "delay": (delay,),
    "double-resume": (double_resume,),
    "purge": (purge,),
    "clock": (clock_ahead, clock_back),
    "none": (),
}

NAMES: Final = (*MIXES, "all")


def faults_of(mix: str) -> list[Fault]:
    """Return the faults of a mix, each once; several names stand with commas between them.

    :raises ValueError: if there is no such mix.
    """
    names = mix.split(",")
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(NAMES)}")
    chosen = MIXES if "all" in names else names
    return list(dict.fromkeys(fault for name in chosen for fault in MIXES[name]))


def endless(faults: list[Fault], chance: random.Random) -> Iterator[Fault]:
    """Yield faults for ever, in rounds: each of them once, in random order."""
    while True:
        yield from chance.sample(faults, len(faults))
