"""The chat gateway: one process of this package is one node of the cluster."""
