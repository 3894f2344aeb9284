"""What one client may do, and what its session holds: commands, nickname, places in rooms.

A session outlives its connection for the grace time. How its bytes travel is `gateway.server`.
"""
