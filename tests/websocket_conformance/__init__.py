"""The Autobahn test suite against the node's own WebSocket: `make conformance`."""
