"""The load generator: very many clients in one process, which send on schedule and count.

`fleet` does the I/O around one epoll. What it needs to decide and to count is pure and stands
beside it: `schedule`, `frames`, `tally` and `histogram`.
"""
