"""What words, code and links are in a text: the rules of `gateway.wire.mentions`. Pure.

The client draws texts by the same rules, so that what it marks is what the server counts.
"""
