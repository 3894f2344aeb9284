"""The load test: measures what a cluster delivers, how fast, and what that costs.

`target` is the cluster that is measured, `generator` a process full of clients, and `report` what
is made of their counts. `measure` conducts one run; `arguments` and ``__main__`` are the command
line.
"""
