"""``python -m gateway`` is ``chat-gateway``."""

from __future__ import annotations

from gateway.process import stdio


def main() -> None:
    """Run the command line; see `gateway.cli.main`."""
    # Before the imports: libraries keep files open from then on, which would take the place.
    stdio.open_missing()
    from gateway.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
