"""Membership of the cluster: heartbeats, failed nodes, and releasing what they left in Redis."""
