"""Pure functions that find or match something in a text: emoji, names, what is cut or shown.

Words, links and code are found by `gateway.wire.text`.

Nothing here does I/O or knows about chats; what a conversation shows belongs to `client.model`.
"""
