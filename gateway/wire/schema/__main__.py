"""Writes the files of this folder again; see `gateway.wire.schema`."""

from __future__ import annotations

from pathlib import Path

from gateway.wire.schema import FILES

for name, generate in FILES.items():
    Path(__file__).with_name(name).write_text(generate(), "utf-8")
