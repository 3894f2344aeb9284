"""What the programs of the tests say of wrong arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest


def complaint_about(
    arguments: str,
    main: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Run a program with arguments that it refuses; return the last line that it prints."""
    monkeypatch.setattr(sys, "argv", ["program", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]
