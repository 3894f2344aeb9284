"""Metrics and logs: how an operator sees what a node does.

Nothing here may make a caller wait or fail.
"""
