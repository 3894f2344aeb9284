"""What an operator does about people: who is connected, kick, ban, announce.

`commands` does it, by way of Redis; the command line and the HTTP API on the operator's port call
that. `desk` is the node's side, which carries out what an operator asks of every node.
"""
