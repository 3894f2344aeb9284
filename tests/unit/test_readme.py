"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

from gateway import config

ROOT = Path(__file__).parents[2]


def test_the_settings_table_is_the_declared_one() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- settings:.*?-->\n(.*?)<!-- end", readme, re.DOTALL)
    assert found is not None
    assert found[1] == config.markdown_table(), "run `chat-gateway settings` and paste it"


def test_the_links_lead_somewhere() -> None:
    for page in (
        "README.md", "CONTRIBUTING.md", "deploy/REDIS.md", "deploy/SECURITY.md",
        "gateway/PROTOCOL.md",
    ):  # fmt: skip
        text = (ROOT / page).read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"
