"""Which hardware address answers for each address on the LAN, as the gateway's own neighbour table has it.

A packet's hardware address is its sender's word alone; where the answers go is not. Every neighbour is here,
whoever it is, and each change is told once. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.lan.neighbours import Neighbour, Place

MAX_OF_ONE = 256  # addresses of one device: of a repeater with fifty behind it, four or five each
MAX_IN_ALL = 2048  # as many neighbours as the kernel keeps, 1,024 a family; 400 bytes each


class Owners:
    """What finds no room here shall be forgotten by the kernel too (``surplus``): before it answers there
    again it has to ask whose the address is, and that is an event.
    """

    def __init__(self) -> None:
        self._of: dict[Place, Neighbour] = {}  # the longest unchanged first
        self._places: dict[str, dict[Place, None]] = {}  # by hardware address
        self._moved: set[Place] = set()
        self._surplus: list[Place] = []

    def __iter__(self) -> Iterator[tuple[Place, str]]:
        return ((place, one.mac) for place, one in self._of.items())

    def mac_of(self, place: Place) -> str | None:
        one = self._of.get(place)
        return None if one is None else one.mac

    def moved(self) -> set[Place]:
        """Those whose owner changed since the last call."""
        found, self._moved = self._moved, set()
        return found

    def surplus(self) -> list[Place]:
        """Those that had to make room since the last call."""
        found, self._surplus = self._surplus, []
        return found

    def neighbour(self, one: Neighbour) -> None:
        """One that the kernel tells of. Who does not answer keeps the address until somebody else does."""
        place = (one.ip, one.ifindex)
        if one.gone:
            self._leave(place)
        elif not one.failed:
            before = self._of.get(place)
            if before is None or before.mac != one.mac:
                self._leave(place)
                self._take(place, one)

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """All of them; what is not among them is nobody's."""
        present = set()
        for one in neighbours:
            present.add((one.ip, one.ifindex))
            self.neighbour(one)
        for place in [one for one in self._of if one not in present]:
            self._leave(place)

    def _take(self, place: Place, one: Neighbour) -> None:
        self._of[place] = one
        self._places.setdefault(one.mac, {})[place] = None
        self._moved.add(place)
        if len(self._places[one.mac]) > MAX_OF_ONE:
            self._make_room(self._places[one.mac])
        if len(self._of) > MAX_IN_ALL:
            self._make_room(self._of)

    def _make_room(self, places: Iterable[Place]) -> None:
        """What was entered by hand stays: the kernel would never learn it again."""
        oldest = next((place for place in places if not self._of[place].fixed), None)
        if oldest is not None:
            self._leave(oldest)
            self._surplus.append(oldest)

    def _leave(self, place: Place) -> None:
        one = self._of.pop(place, None)
        if one is None:
            return
        self._moved.add(place)
        places = self._places[one.mac]
        del places[place]
        if not places:
            del self._places[one.mac]
