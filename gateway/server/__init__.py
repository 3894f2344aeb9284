"""One TCP connection from its first byte to its last: an HTTP request, or a WebSocket.

What is said over a WebSocket is `gateway.sessions`; how bytes are framed is `gateway.net`.
"""
