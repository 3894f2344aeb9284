"""The steps of an upgrade: no node may run, nicknames, rooms, the new number."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.backplane.nodes import NodeRegistry
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import CONVERTIBLE, Schema
from gateway.backplane.upgrade.nicks import upgrade_nicks, upgrade_reservations
from gateway.backplane.upgrade.rooms import upgrade_rooms


class CannotUpgrade(Exception):
    """The data were not upgraded; the text is one line for the operator."""


async def upgrade(
    link: Link, schema: Schema, nodes: NodeRegistry, namespace: str
) -> AsyncIterator[str]:
    """Upgrade a cluster's data; yield what was done, in lines for the operator.

    :raises CannotUpgrade: if there is nothing that can be upgraded, or nodes run.
    :raises Unavailable: if Redis does not answer; then run it again.
    """
    replies = await link.call_all(schema.questions)
    if not schema.problem(replies):
        yield "nothing to upgrade: the data are of this release"
        return
    number, unnumbered, _ = replies
    if unnumbered or number.decode("ascii", "replace") not in CONVERTIBLE:
        raise CannotUpgrade(schema.problem(replies))
    await _require_no_nodes(nodes)
    # From here on no node begins to use the data. One that began just before is seen now.
    await link.call(*schema.upgrading)
    try:
        await _require_no_nodes(nodes)
    except CannotUpgrade:
        await link.call("SET", schema.key, number)
        raise
    async for before, after in upgrade_reservations(link, namespace):
        yield f"the account of {before!r} is called {after!r} now"
    async for before, after in upgrade_nicks(link, namespace):
        yield f"the session of {before!r} is called {after!r} now"
    async for before, after in upgrade_rooms(link, namespace):
        yield f"the room {before!r} is called {after!r} now"
    await link.call(*schema.upgraded)
    yield f"the data are of {schema.described} now"


async def _require_no_nodes(nodes: NodeRegistry) -> None:
    if running := await nodes.listening():
        raise CannotUpgrade(f"stop all nodes first; these run: {', '.join(sorted(running))}")
