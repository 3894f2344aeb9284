"""The clients: people who chat over the project's own client, and record what they observe.

`chat_client` does the I/O. The recorders turn its events into the history and are pure, and
`final_reads` has what everybody does once the faults are over.
"""
