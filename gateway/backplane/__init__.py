"""The data that nodes share in Redis: rooms, inboxes, nicknames, and the register of nodes.

Each has a module here. The Redis client is in `gateway.backplane.redis`; what a node does with what
it reads is in `gateway.delivery` and above.

Every call raises `Unavailable` while Redis cannot answer, at once or within the timeout.
"""

from gateway.backplane.backplane import Backplane, check_redis
from gateway.backplane.epochs import continues, went_back
from gateway.backplane.errors import IdReused, LooksAlike, Outdated, Replaced
from gateway.backplane.nicks import NickTaken, Owner, ResumedSession
from gateway.backplane.redis.effects import Effects, noting_effects
from gateway.backplane.redis.errors import Denied, Refused, Unavailable, Unsuitable, first_message
from gateway.backplane.redis.retry import Retry
from gateway.backplane.redis.server import RedisEndpoint, Topology
from gateway.backplane.redis.server_check import LEAST_VERSION
from gateway.backplane.redis.subscription import Burst
from gateway.backplane.redis.topology import topology_from_url
from gateway.backplane.room_members import Change, read_change
from gateway.backplane.room_names import Entered
from gateway.backplane.snapshot import Snapshot
from gateway.backplane.terms import NO_TERM
from gateway.backplane.timeline import Timeline

__all__ = [
    "LEAST_VERSION", "NO_TERM", "Backplane", "Burst", "Change", "Denied", "Effects", "Entered",
    "IdReused", "LooksAlike", "NickTaken", "Outdated", "Owner", "RedisEndpoint", "Refused",
    "Replaced", "ResumedSession", "Retry", "Snapshot", "Timeline", "Topology", "Unavailable",
    "Unsuitable", "check_redis", "continues", "first_message", "noting_effects", "read_change",
    "topology_from_url", "went_back",
]  # fmt: skip
