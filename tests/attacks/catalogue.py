"""The table of all attacks. Pure.

To add one: an async function in `kinds`, with its docstring, and a row here.
"""

from __future__ import annotations

from typing import Final

from tests.attacks import storage
from tests.attacks.attack import Attack
from tests.attacks.kinds import arriving, frames, names, people, rooms

_ROWS: Final = (
    Attack(strike=arriving.connections, crowd=50),
    Attack(strike=arriving.idle_connections, crowd=2_000, seconds=15),
    Attack(strike=arriving.slow_heads, crowd=1_000, seconds=15),
    Attack(strike=arriving.no_hello, crowd=1_000, seconds=15),
    Attack(strike=arriving.silent_sessions, crowd=1_000, seconds=15),
    Attack(strike=arriving.handshakes, crowd=50),
    Attack(strike=arriving.metrics_requests, crowd=50),
    Attack(strike=arriving.page_requests, crowd=50),
    Attack(strike=arriving.tls_hello, crowd=50),
    Attack(strike=arriving.forged_addresses, crowd=20),
    Attack(strike=arriving.cross_origin, crowd=20, most={"HTTP 101": 0, "welcome": 0}),
    Attack(strike=names.resume_guessing, crowd=20, most={"welcome": 0}),
    Attack(strike=names.password_guessing, crowd=200, seconds=15, most={"welcome": 0}),
    Attack(strike=names.registering, crowd=50, seconds=15, stored=storage.accounts),
    Attack(strike=names.nick_churn, crowd=50),
    Attack(strike=names.huge_names, crowd=10, settings={"unicode_nicks": "on"}),
    Attack(strike=frames.pings, crowd=4),
    Attack(strike=frames.pongs, crowd=4),
    Attack(strike=frames.empty_fragments, crowd=4),
    Attack(strike=frames.byte_fragments, crowd=4),
    Attack(strike=frames.commands, crowd=4),
    Attack(strike=frames.nested_json, crowd=4),
    Attack(strike=frames.oversized_frames, crowd=12),
    Attack(strike=rooms.rooms_lists, crowd=50),
    Attack(strike=rooms.members_lists, crowd=400, seconds=12),
    Attack(strike=rooms.join_leave, crowd=50),
    Attack(strike=rooms.new_rooms, crowd=50, stored=storage.new_rooms),
    Attack(strike=rooms.histories, crowd=20, stored=storage.one_log_read),
    Attack(strike=rooms.full_logs, crowd=50, seconds=15, stored=storage.full_logs),
    Attack(strike=people.statuses, crowd=40, seconds=15),
    Attack(strike=people.giant_presence, crowd=4_000, seconds=30),
    Attack(strike=people.slow_readers, crowd=200, seconds=15, stored=storage.one_log),
    Attack(strike=people.directs, crowd=100, stored=storage.one_log),
    Attack(strike=people.typing, crowd=100),
)

ATTACKS: Final = {attack.name: attack for attack in _ROWS}
