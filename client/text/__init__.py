"""Pure functions that find or match something in a text: links, emoji, names.

Nothing here does I/O or knows about chats; what a conversation shows belongs to `client.model`.
"""
