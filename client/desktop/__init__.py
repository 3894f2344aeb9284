"""The desktop: a Tk window that shows a `client.model.Chat` and passes on what the person does.

`program` starts it, `app` connects the session, the model and the window, `window` holds the pages.
"""
