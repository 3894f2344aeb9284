"""What a client may ask for: a handler for each command, by topic, and the table of all of them.

To add a command: its type in `gateway.wire.commands`, a handler here, a row in `table`.
"""
