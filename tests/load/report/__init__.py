"""What is made of a run: costs, failed checks, and the report as text, JSON and an HTML page.

All of it is pure but `machine`, which asks what the run was made on.
"""
