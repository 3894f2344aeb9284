"""From the logs in Redis to the clients of this node: rooms, inboxes, order, gaps and losses.

It follows each log that a client here needs, and writes the messages to those clients. What happens
when Redis loses messages, as in a failover, is in `log_states`. Commands are in `gateway.sessions`.
"""
