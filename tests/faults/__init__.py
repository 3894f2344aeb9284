"""Fault tests: a real cluster is struck while clients use it, and judged by what they observed.

The words are those of Jepsen:

- `generator` decides what a client does next, `client` does it
- `nemesis` injects faults into the `system` under test
- `history` is what was observed: operations, messages received, faults
- `checkers` judge a history and compose to one result

``python -m tests.faults`` runs it; `workloads` has further runs that bring their own checks.
"""
