"""The chat client: a headless session, and a desktop that shows it."""
