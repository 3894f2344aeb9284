"""The desktop: a Tk window that shows a `client.model.Chat` and hands on what the person does."""
