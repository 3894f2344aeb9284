"""What knows only Tk, and nothing of this program: the event loop, editing keys, scrollbar, icon.

Whatever needs a `Theme` or a translated text belongs to `client.desktop.widgets` or further up.
"""
