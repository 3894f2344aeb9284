"""The settings of a node, and where they come from: flags, environment variables, a file.

A leaf that everything may import. A new setting is one declaration in ``settings.py``; what its
value may be is read in ``parsing.py``. What settings mean is said where they are used, not here.
"""

from gateway.config.parsing import BadSetting, integer
from gateway.config.secret_files import read_secret
from gateway.config.settings import Declaration, Settings, declarations
from gateway.config.sources import (
    ENVIRONMENT_PREFIX,
    add_flags,
    default_text,
    flag,
    load,
    markdown_table,
    no_such_flag,
    reloaded,
    title,
    unknown_variables,
    variable,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "BadSetting",
    "Declaration",
    "Settings",
    "add_flags",
    "declarations",
    "default_text",
    "flag",
    "integer",
    "load",
    "markdown_table",
    "no_such_flag",
    "read_secret",
    "reloaded",
    "title",
    "unknown_variables",
    "variable",
]
