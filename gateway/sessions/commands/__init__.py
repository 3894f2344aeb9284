"""Commands: a handler for each, by topic, and the table of all of them.

To add a command: its type in `gateway.wire.commands`, that of its answer in `gateway.wire.events`,
a handler here, a row in `table`, a section in ``gateway/PROTOCOL.md``.
"""
