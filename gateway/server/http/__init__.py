"""Plain HTTP requests to a node's public port: health, readiness, metrics."""
