"""Exit with 0 if the node in this container is ready to serve clients."""  # noqa: INP001

import http.client
import os
import sys

node = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("CHAT_PORT", "8765")), timeout=2)
node.request("GET", "/readyz")
answer = node.getresponse()
sys.stdout.write(answer.read().decode())
sys.exit(answer.status != http.client.OK)
