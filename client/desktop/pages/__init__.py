"""The pages of the window and what opens over them: sign-in, chat, help, the chooser.

A page arranges widgets and passes on what the person does; it does not talk to a session.
"""
