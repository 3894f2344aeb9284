"""The table of attacks: everything that is written is in it, and says what it may cost."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

from tests.attacks import kinds
from tests.attacks.attack import Attack
from tests.attacks.catalogue import ATTACKS

MODULES = [
    import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_attack_is_in_the_table(module: ModuleType) -> None:
    written = {
        function
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written
    assert written <= {attack.strike for attack in ATTACKS.values()}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=lambda attack: attack.name)
def test_every_attack_says_what_it_does_and_what_it_may_cost(attack: Attack) -> None:
    assert attack.about.endswith(".")
    *_, last = inspect.getdoc(attack.strike).split("\n\n")  # type: ignore[union-attr]
    assert last.startswith("May ")
