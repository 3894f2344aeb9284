"""What each attack does, by topic: arriving, frames, names, people, rooms.

An attack is an async function of a `tests.attacks.crowd.Crowd` that goes on until it is cancelled.
The first line of its docstring is its description on the command line; the last says what it may
cost at most, beside what any attack may: see `tests.attacks.bounds`.
"""
