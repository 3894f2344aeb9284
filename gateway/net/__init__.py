"""Sockets and the bytes on them: listening, WebSocket frames, and writing to slow readers.

It knows neither rooms nor sessions; what a connection is for is `gateway.server`.
"""
