"""How an operator sees what a node does: metrics and logs.

Nothing here decides anything, and nothing here may make a caller wait or fail.
"""
