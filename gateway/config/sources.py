"""Where settings come from: flags, environment variables, and a file."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import re
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.config import parsing, settings_file
from gateway.config.parsing import BadSetting
from gateway.config.settings import Settings, declarations

ENVIRONMENT_PREFIX: Final = "CHAT_"
FILE_FLAG: Final = "--settings"
FILE_OPTION: Final = "settings"
FILE_VARIABLE: Final = "CHAT_SETTINGS"

_SERVICE_LINKS: Final = tuple(
    (re.compile(name), re.compile(value))
    for name, value in (
        (r".+_SERVICE_HOST", r".*"),
        (r".+_SERVICE_PORT(_.+)?", r"[0-9]*"),
        (r".+_PORT", r"(tcp|udp|sctp)://.*"),
        (r".+_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?", r".*"),
        (r".+_NAME", r"/.+/.+"),
        (r".+_ENV_.+", r".*"),
    )
)
"""Names and values of the variables by which Kubernetes and ``docker run --link`` tell of services.

A service called ``chat`` or ``chat-redis`` makes their names begin like those of our settings.
"""


def flag(name: str) -> str:
    """Return the command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()


def reloaded(old: Settings, new: Settings) -> tuple[Settings, list[str], list[str]]:
    """Return the settings of a running node after they were read again.

    :returns: the settings, the names of those that have changed, and of those that a new process
        only would take on.
    """
    changed = [name for name in declarations() if getattr(old, name) != getattr(new, name)]
    taken = [name for name in changed if declarations()[name].reloads]
    settings = dataclasses.replace(old, **{name: getattr(new, name) for name in taken})
    return settings, taken, [name for name in changed if name not in taken]


def title(name: str) -> str:
    """Return a setting as a message names it where its source is not known."""
    return f"{flag(name)} ({variable(name)})"


def default_text(name: str) -> str:
    """Return a setting's default as an operator would write it."""
    if name == "node_name":
        return "this host's name"
    value = next(f.default for f in dataclasses.fields(Settings) if f.name == name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if value in {(), ""}:
        return parsing.NONE
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def add_flags(parser: argparse.ArgumentParser, *, only: Collection[str] = ()) -> None:
    """Add a flag for each setting to a parser, or for the settings named in ``only``.

    And one for the file with settings.
    """
    parser.add_argument(
        FILE_FLAG, dest=FILE_OPTION, metavar="FILE",
        help=f"TOML file with any of these settings, such as port = 8765; flags and\n"
        f"variables go first. Read again on SIGHUP. [none; {FILE_VARIABLE}]",
    )  # fmt: skip
    groups: dict[str, Any] = {}
    for name, declared in declarations().items():
        if only and name not in only:
            continue
        if declared.group not in groups:
            groups[declared.group] = parser.add_argument_group(declared.group)
        groups[declared.group].add_argument(
            flag(name),
            dest=name,
            metavar=declared.metavar,
            help="\n".join(
                [*textwrap.wrap(declared.help, 64), f"[{default_text(name)}; {variable(name)}]"]
            ).replace("%", "%%"),
        )


def load(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Return the settings: the flag, else the variable, else the file's, else the default of each.

    White space around a value does not count, nor do `_SERVICE_LINKS` in the environment.

    :raises BadSetting: naming the flag, variable or file, and what is wrong with it.
    """
    filed, file = _filed(flags, environment)
    values: dict[str, Any] = {}
    for name, declared in declarations().items():
        text, source = flags.get(name), flag(name)
        if text is None:
            text, source = environment.get(variable(name)), variable(name)
            if text is not None and _is_service_link(source, text):
                text = None
        if text is None:
            text, source = filed.get(name), f"{file}: {name}"
        if text is None:
            continue
        try:
            values[name] = declared.parse(text.strip())
        except BadSetting as error:
            raise BadSetting(f"{source}: {error}") from None
    for unknown in unknown_variables(environment):
        raise BadSetting(_no_such_setting(unknown, variable))
    return Settings(**values)


def _filed(
    flags: Mapping[str, str | None], environment: Mapping[str, str]
) -> tuple[Mapping[str, str], str]:
    """Return the values in the file of settings, if one is named, and the file's name."""
    file, source = flags.get(FILE_OPTION), FILE_FLAG
    if file is None:
        file, source = environment.get(FILE_VARIABLE, ""), FILE_VARIABLE
    if not file:
        return {}, ""
    try:
        values = settings_file.read(Path(file))
    except BadSetting as error:
        raise BadSetting(f"{source}: {error}") from None
    for name in values.keys() - declarations().keys():
        raise BadSetting(f"{file}: {_no_such_setting(name, str)}")
    return values, file


def unknown_variables(environment: Mapping[str, str]) -> Sequence[str]:
    """Return environment variables with our prefix that are no settings: most likely misspelt."""
    known = {FILE_VARIABLE, *map(variable, declarations())}
    return sorted(
        key
        for key, value in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX)
        and key not in known
        and not _is_service_link(key, value)
    )


def _is_service_link(name: str, value: str) -> bool:
    return any(n.fullmatch(name) and v.fullmatch(value) for n, v in _SERVICE_LINKS)


def no_such_flag(text: str) -> str:
    """Return the complaint about an unknown argument, with the flag that is most likely meant."""
    return _no_such_setting(text.partition("=")[0], flag)


def _no_such_setting(given: str, spell: Callable[[str], str]) -> str:
    """Return a complaint; ``spell`` spells the name of a field as what was given is spelt."""
    word = given.removeprefix(ENVIRONMENT_PREFIX).lstrip("-").replace("-", "_").lower()
    near = difflib.get_close_matches(word[: parsing.MOST_SHOWN], declarations(), 1)
    advice = f"did you mean {spell(near[0])}?" if near else "see `chat-gateway serve --help`"
    shown = (
        given if given.isprintable() and len(given) <= parsing.MOST_SHOWN else parsing.shown(given)
    )
    return f"{shown}: there is no such setting: {advice}"


def markdown_table() -> str:
    """Return the settings as the table in the README."""
    lines = ["| flag | environment | default | what it does |", "| --- | --- | --- | --- |"]
    for name, declared in declarations().items():
        text = declared.help.replace("|", "\\|")
        lines.append(f"| `{flag(name)}` | `{variable(name)}` | {default_text(name)} | {text} |")
    return "\n".join(lines) + "\n"
