"""Sessions: hello and resuming, commands, and what a session holds: a nickname, places in rooms.

A session outlives its connection by the grace time, the setting `grace_seconds`. Connections are in
`gateway.server`.
"""
