"""Run the Autobahn test suite against the node's own WebSocket, and say what it found.

    python -m tests.websocket_conformance [CASES …]

CASES are as the suite names them, such as ``6.4.*``; without any all are run, but for those of
compression. The suite runs under Python 2.7, which is looked for on the PATH and among pyenv's
versions, or is named by PYTHON2. It is installed into .venv the first time.

The exit status is 0 if every case passed, 1 if not, 2 if the suite could not be run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import trio

from gateway.observability import logs
from tests.websocket_conformance.echo_server import echo_server
from tests.websocket_conformance.report import ALL_CASES, is_success, read_report, summary

SUITE: Final = "autobahntestsuite==25.10.1"
HOME: Final = Path(__file__).parents[2] / ".venv" / "autobahn"
"""Where the suite is installed; `make clean` removes it."""
COMPRESSION: Final = ["12.*", "13.*"]
HOW_TO_GET_ONE: Final = """\
make conformance: the Autobahn test suite needs Python 2.7 with pip, and there is none.
  pyenv:  pyenv install 2.7.18
  Else:   name one with PYTHON2=/path/to/python2.7
"""


class CannotRun(Exception):
    """The suite cannot be run; the text says why and what to do."""


def find_python2() -> str:
    """Return a Python 2.7 that has pip.

    :raises CannotRun: if there is none.
    """
    candidates = [named] if (named := os.environ.get("PYTHON2")) else ["python2.7", "python2"]
    if not named:
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        candidates += map(str, sorted(pyenv.glob("versions/2.7*/bin/python2.7"), reverse=True))
    check = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))"
    for python in candidates:
        if shutil.which(python) is None:
            continue
        if subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0:
            return python
    raise CannotRun(HOW_TO_GET_ONE)


def install_suite(python: str) -> None:
    """Install the suite, unless it is installed.

    :raises CannotRun: if that fails.
    """
    stamp = HOME / SUITE
    if stamp.exists():
        return
    sys.stdout.write(f"Installing {SUITE} into {HOME} ...\n")
    sys.stdout.flush()
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--user", SUITE],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotRun(f"make conformance: {SUITE} cannot be installed:\n{done.stderr}")
    stamp.touch()


def environment() -> dict[str, str]:
    """Return the environment in which Python 2.7 finds the suite, and nothing else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return kept | {"PYTHONUSERBASE": str(HOME), "PYTHONWARNINGS": "ignore"}


async def run_suite(python: str, cases: list[str], folder: Path) -> Path:
    """Run these cases against a server of our own, and return the suite's report.

    :raises CannotRun: if there is none afterwards.
    """
    async with echo_server() as port:
        spec = {
            "outdir": str(folder),
            "servers": [{"agent": "gateway", "url": f"ws://127.0.0.1:{port}/ws"}],
            "cases": cases or ["*"],
            "exclude-cases": COMPRESSION,
            "exclude-agent-cases": {},
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        command = [python, "-c", "import sys; from autobahntestsuite import wstest; wstest.run()"]
        command += ["--mode", "fuzzingclient", "--spec", str(folder / "spec.json")]
        done = await trio.run_process(
            command,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=folder,
            env=environment(),
        )
    report = folder / "index.json"
    if done.returncode or not report.exists():
        said = done.stdout.decode(errors="replace")[-2000:]
        raise CannotRun(f"make conformance: the suite failed:\n{said}")
    return report


def main(cases: list[str]) -> int:
    """Run the suite; return the exit status."""
    logs.configure("auto", "error")
    try:
        python = find_python2()
        install_suite(python)
        folder = Path(tempfile.mkdtemp(prefix="autobahn-"))
        report = trio.run(run_suite, python, cases, folder)
    except CannotRun as error:
        sys.stderr.write(f"{error}")
        return 2
    verdicts = read_report(json.loads(report.read_text()))
    sys.stdout.writelines(f"{line}\n" for line in summary(verdicts))
    if is_success(verdicts, expected=None if cases else ALL_CASES):
        shutil.rmtree(folder)
        return 0
    sys.stdout.write(f"what was sent and expected: {folder}/index.html\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
