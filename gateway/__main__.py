"""``python -m gateway`` is ``chat-gateway``."""

from __future__ import annotations

from gateway.process import stdio


def main() -> None:
    """Run the command line; see `gateway.cli.main`."""
    # Before the imports: libraries open files, which would get the numbers of the standard files.
    stdio.open_missing()
    from gateway.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
