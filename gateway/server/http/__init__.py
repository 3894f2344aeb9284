"""Plain HTTP requests to a node: health, readiness, metrics."""
