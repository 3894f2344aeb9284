"""The widgets around one conversation: its messages, header, members, search bar and composer.

How a line is drawn is decided in `line_spans` (its text and tags) and `line_tags` (how each tag
looks). How these widgets are arranged belongs to `client.desktop.pages`.
"""
