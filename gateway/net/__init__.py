"""The network: listening sockets, transports, WebSocket frames, and buffers for slow readers.

It knows neither rooms nor sessions; a connection's course is in `gateway.server`.
"""
