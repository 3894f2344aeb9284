"""From the logs in Redis to the clients of this node: rooms, inboxes, order, gaps and losses.

It follows each log that somebody here needs and writes to each of them. What a client asks for is
handled in `gateway.sessions`.
"""
