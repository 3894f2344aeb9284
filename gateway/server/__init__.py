"""One client's connection from its first byte to its last: an HTTP request, or a WebSocket.

Handshakes are accepted or refused here. Commands are in `gateway.sessions`, WebSocket frames in
`gateway.net`.
"""
