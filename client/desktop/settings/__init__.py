"""What is remembered between starts: preferences and the list of servers, and their file.

Nothing here draws; the widgets that change settings are in `client.desktop.pages`.
"""
