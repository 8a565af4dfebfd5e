"""What is told of the devices of the home."""

from __future__ import annotations

from gateway.policy.identity import Traits


class Watcher:
    """Who wants to know. Each is called when all else holds already; ``traits()`` is then the newest."""

    def on_new(self, mac: str) -> None:
        """Never seen before; what its first packet said is known."""

    def on_change(self, before: Traits, after: Traits, how: str) -> None:
        """``how``: dhcp, mdns, lease, address, packet, vendor; or behind, where the traits are the same."""

    def on_gone(self, mac: str) -> None:
        """It was there, and is silent for two minutes, or said to be gone."""

    def on_back(self, mac: str) -> None:
        """It was gone, or away when the daemon started."""

    def on_found(self, mac: str) -> None:
        """Known from before the start, and seen for the first time since, shortly after it."""
