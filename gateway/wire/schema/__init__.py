"""The protocol in a form that machines read: ``chat.schema.json`` and ``chat.d.ts``.

Both are generated from the types in `gateway.wire`. After a change of those, write them again::

    python -m gateway.wire.schema

A test compares them with what would be written.
"""

from typing import Final

from gateway.wire.schema.json_schema import json_schema
from gateway.wire.schema.typescript import typescript

FILES: Final = {"chat.schema.json": json_schema, "chat.d.ts": typescript}
"""The name of each file in this folder, and the function that returns its text."""

__all__ = ["FILES", "json_schema", "typescript"]
