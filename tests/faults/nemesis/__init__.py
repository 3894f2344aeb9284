"""The nemesis: everything that is done to a cluster to see it break.

Each fault is a context manager marked `fault`, which also says what the checkers must know of it.
`mixes` names the sets of faults that a run can choose from, and `strikes` injects them.
"""
