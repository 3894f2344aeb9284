"""What is measured: a cluster, or bare sockets to compare it with, and what its processes use.

Processes are started here and observed through ``/proc``; nothing else in the load test does so.
"""
