"""This node among the others: its heartbeat, failed nodes, and what they leave behind in Redis."""
