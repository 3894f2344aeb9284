"""The network: listening sockets, transports, WebSocket frames, and buffers for slow readers.

It knows neither rooms nor sessions; what a connection is for is `gateway.server`.
"""
