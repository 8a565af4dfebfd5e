"""Maps IP addresses on the LAN to the hardware addresses that answer, by the kernel's neighbour table.

The hardware address in a packet is chosen by its sender; the neighbour table shows where responses go. The
table includes every neighbour. Each change is reported once. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.lan.neighbours import Neighbour, Place

MAX_OF_ONE = 256  # addresses of one device: a repeater with fifty devices behind it has four or five each
MAX_IN_ALL = 2048  # the kernel stores 1,024 neighbours per address family; 400 bytes each


class Owners:
    """The owner of each address.

    The caller removes entries that do not fit (``surplus``) from the kernel's table as well: the kernel then
    has to resolve the address again before it uses it, and that is an event.
    """

    def __init__(self) -> None:
        self._of: dict[Place, Neighbour] = {}  # the longest unchanged first
        self._places: dict[str, dict[Place, None]] = {}  # by hardware address
        self._moved: set[Place] = set()
        self._surplus: list[Place] = []

    def __iter__(self) -> Iterator[tuple[Place, str]]:
        return ((place, neighbour.mac) for place, neighbour in self._of.items())

    def mac_of(self, place: Place) -> str | None:
        neighbour = self._of.get(place)
        return None if neighbour is None else neighbour.mac

    def moved(self) -> set[Place]:
        """Return the places whose owner has changed since the last call."""
        found, self._moved = self._moved, set()
        return found

    def surplus(self) -> list[Place]:
        """Return the places that were dropped for lack of room since the last call."""
        found, self._surplus = self._surplus, []
        return found

    def neighbour(self, neighbour: Neighbour) -> None:
        """Process an event. A device that does not answer keeps its address until another device answers."""
        place = (neighbour.ip, neighbour.ifindex)
        if neighbour.gone:
            self._leave(place)
        elif not neighbour.failed:
            before = self._of.get(place)
            if before is None or before.mac != neighbour.mac:
                self._leave(place)
                self._take(place, neighbour)

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """Process a complete list. Addresses that are not in it have no owner."""
        present = set()
        for neighbour in neighbours:
            present.add((neighbour.ip, neighbour.ifindex))
            self.neighbour(neighbour)
        for place in [place for place in self._of if place not in present]:
            self._leave(place)

    def _take(self, place: Place, neighbour: Neighbour) -> None:
        self._of[place] = neighbour
        self._places.setdefault(neighbour.mac, {})[place] = None
        self._moved.add(place)
        if len(self._places[neighbour.mac]) > MAX_OF_ONE:
            self._make_room(self._places[neighbour.mac])
        if len(self._of) > MAX_IN_ALL:
            self._make_room(self._of)

    def _make_room(self, places: Iterable[Place]) -> None:
        """Drop the oldest entry, but none set by hand: the kernel would never learn it again."""
        oldest = next((place for place in places if not self._of[place].fixed), None)
        if oldest is not None:
            self._leave(oldest)
            self._surplus.append(oldest)

    def _leave(self, place: Place) -> None:
        neighbour = self._of.pop(place, None)
        if neighbour is None:
            return
        self._moved.add(place)
        places = self._places[neighbour.mac]
        del places[place]
        if not places:
            del self._places[neighbour.mac]
