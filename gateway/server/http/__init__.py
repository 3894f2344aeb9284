"""What a node answers to a plain HTTP request: health, readiness, metrics."""
