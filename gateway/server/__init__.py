"""One client's connection from its first byte to its last: an HTTP request, or a WebSocket.

What is said over a WebSocket is in `gateway.sessions`; how bytes are framed, in `gateway.net`.
"""
