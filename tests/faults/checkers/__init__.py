"""The checkers: pure functions from a history to the anomalies in it.

Each module judges one promise. `compose` runs all of them over the same `Evidence` and returns one
`CheckResult`.
"""
