"""Widgets of general use, which know the theme but nothing of chats.

Widgets that show a part of a conversation belong to `client.desktop.conversation`.
"""
