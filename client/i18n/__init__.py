"""The language of every text that people read, and the translations (``locale/<language>.po``).

To add a language, add a ``.po`` file. Texts themselves stay in the modules that show them, except
those that reword what a server says.
"""
