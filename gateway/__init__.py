"""The chat gateway: each process is one node of the cluster. `gateway.node` composes a node."""
