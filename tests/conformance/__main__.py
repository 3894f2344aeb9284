"""``python -m tests.conformance``: try what PROTOCOL.md promises against a server."""

from __future__ import annotations

import argparse
import sys

import trio

from client.addresses import node_url
from tests.conformance.promise import Server
from tests.conformance.trials import BROKEN, Outcome, summary, try_all


def main() -> None:
    """Try all promises once; the exit status is 1 if one is broken."""
    arguments = _parser().parse_args()

    async def kill() -> None:
        await trio.run_process(arguments.kill, shell=True)  # noqa: S604 - the user's own command

    server = Server(
        first=arguments.url,
        second=arguments.second or arguments.url,
        patience=arguments.patience,
        kill=kill if arguments.kill else None,
    )
    _tell(f"chat.v1 at {', '.join(dict.fromkeys([server.first, server.second]))}")
    outcomes = trio.run(try_all, server, _tell)
    _tell(summary(outcomes))
    sys.exit(any(outcome.verdict == BROKEN for outcome in outcomes))


def _tell(line: Outcome | str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("url", type=_url, help="a node: ws://HOST:PORT/ws")
    parser.add_argument("--second", type=_url, metavar="URL", help="another node of the cluster")
    parser.add_argument(
        "--patience", type=float, default=20.0, metavar="SECONDS",
        help="leave out what takes longer to wait for than this [20]",
    )  # fmt: skip
    parser.add_argument(
        "--kill", metavar="COMMAND", help="a shell command that kills the first node, at the end"
    )
    return parser


def _url(text: str) -> str:
    try:
        return node_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    main()
