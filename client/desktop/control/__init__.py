"""What happens behind the window: the session, notifications, the own status, keys, appearance.

Nothing here builds widgets. To change a key, see `shortcuts`.
"""
