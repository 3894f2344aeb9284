"""The upgrade of a cluster's data to this release's schema and Unicode version.

It is run by ``chat-gateway admin upgrade`` while no node is. Every step may be repeated: after it
was broken off, another run goes on where it stopped.
"""

from gateway.backplane.upgrade.upgrade import CannotUpgrade, upgrade

__all__ = ["CannotUpgrade", "upgrade"]
