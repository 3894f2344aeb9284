"""The system under test: node processes around one Redis, with proxies and networks between.

It starts, stops and restarts what a fault strikes, and decides nothing by itself.
"""
