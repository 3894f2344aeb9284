"""Exit with 0 if the node in this container lives, else with 1 and the reason on one line.

Whoever asks restarts the container if not. So it asks `/healthz`, which a node answers without
Redis, and not `/readyz`: without Redis, a restart would only end the connections of all clients.
"""  # noqa: INP001

import http.client
import os
import sys

from gateway import config

_EVERY_INTERFACE = {"*", "0.0.0.0", "::"}  # noqa: S104
_SECONDS = 2

try:
    settings = config.load({}, os.environ)
    host = "127.0.0.1" if settings.host in _EVERY_INTERFACE else settings.host
    node = http.client.HTTPConnection(host, settings.port, timeout=_SECONDS)
    node.request("GET", "/healthz")
    answer = node.getresponse()
except (config.BadSetting, OSError, http.client.HTTPException) as error:
    sys.exit(f"the node does not answer: {error}")
sys.stdout.write(answer.read().decode())
sys.exit(answer.status != http.client.OK)
