"""Tells whether a packet of the queue comes from the LAN or from outside."""

from __future__ import annotations

from collections.abc import Collection
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.lan import interfaces as lan
from gateway.lan.uplink import Prefix, near, ways_out

MAX_KNOWN = 64  # interfaces; a tunnel that comes and goes has another index each time
AGE = 30.0  # seconds; a provider's prefix may change


class PacketSides:
    """Decides by the interface where that is unambiguous, else by the packet's destination.

    In a one-armed setup, a packet that does not go to a network of the LAN comes from a device. If a device's
    network is unknown to this machine, answers to it count as its own packets; this opens nothing.
    """

    def __init__(self, interfaces: Collection[str]) -> None:
        """``interfaces`` face the LAN."""
        self._interfaces = interfaces
        self._known: dict[int, bool] = {}
        self._near: dict[str, tuple[float, tuple[Prefix, ...]]] = {}

    def face(self, interfaces: Collection[str]) -> None:
        """Replace the interfaces that face the LAN."""
        self._interfaces = interfaces
        self._known.clear()
        self._near.clear()

    def from_home(self, indev: int, packet: bytes) -> bool:
        """Whether a packet that arrived at interface ``indev`` comes from the LAN."""
        side = self._known.get(indev)
        return self._learn(indev, packet) if side is None else side

    def _learn(self, indev: int, packet: bytes) -> bool:
        """Decide for an unknown index. A recreated interface has its old name and a new index."""
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        name = lan.name(indev)
        if name is None or name not in self._interfaces:
            self._known[indev] = False
            return False
        if name not in self._near:
            out = ways_out()
            if out and name not in out:
                self._known[indev] = True
                return True
        return not self._is_near(name, packet)

    def _is_near(self, name: str, packet: bytes) -> bool:
        """Whether the packet's destination is in a network of the interface."""
        now = clock_gettime(CLOCK_BOOTTIME)
        read, prefixes = self._near.get(name, (now - AGE, ()))
        if now - read >= AGE:
            prefixes = near(name)
            self._near[name] = now, prefixes
        to = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        number = int.from_bytes(to, "big")
        return any(
            prefix.size == len(to) and number >> prefix.host_bits == prefix.number >> prefix.host_bits
            for prefix in prefixes
        )
