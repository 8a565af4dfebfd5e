"""From which side a packet of the queue comes: from the home, or from outside."""

from __future__ import annotations

from collections.abc import Collection
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.lan import interfaces as lan
from gateway.lan.uplink import Prefix, near, ways_out

MAX_KNOWN = 64  # interfaces; a tunnel that comes and goes has another index each time
AGE = 30.0  # seconds; a provider's prefix may change


class PacketSides:
    """By the interface alone, where no other can be meant. Where the way out is the home's own side (one
    arm), by where the packet goes: what does not go to the home's networks comes from a device. Of a device
    whose network this machine does not know, answers are so taken for what it says, and nothing of it opens.
    """

    def __init__(self, interfaces: Collection[str]) -> None:
        """``interfaces`` face the home."""
        self._interfaces = interfaces
        self._known: dict[int, bool] = {}
        self._near: dict[str, tuple[float, tuple[Prefix, ...]]] = {}

    def face(self, interfaces: Collection[str]) -> None:
        """These face the home from now on."""
        self._interfaces = interfaces
        self._known.clear()
        self._near.clear()

    def from_home(self, indev: int, packet: bytes) -> bool:
        """Of a packet that came in by interface ``indev``."""
        side = self._known.get(indev)
        return self._learn(indev, packet) if side is None else side

    def _learn(self, indev: int, packet: bytes) -> bool:
        """An interface that is made anew has the old name and another index."""
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
        """Whether it goes to a network that is there."""
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
