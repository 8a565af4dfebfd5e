"""Numbers in the kernel's marks: a slot for a device, a class for a combination of time rules (gates).

They are stored, since conntrack entries outlive the daemon: after a restart, a number must still mean the
same device.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.store.database import Database, Statement, StoreError
from gateway.store.durable_writes import DurableWriter, table_snapshot

# Eight bits of the mark. 0 is no slot. A queued packet's mark has only the low six bits of the number
# (`queued_slot`), so a multiple of 64 would look like no slot.
SLOTS = tuple(number for number in range(1, 256) if number % 64)
CLASSES = range(1, 64)  # six bits; 0 is no class


class SlotTable:
    """Assigns and stores the numbers in the kernel's packet marks: slots and classes.

    A slot is the number of a filtered device, or of several with one profile; a class is that of a
    combination of time rules (gates) of a slot. The smallest free number is used.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._slots: dict[str, int] = {}
        self._used: dict[str, int] = {}  # MAC → Unix seconds of the last use
        self._used_again: set[str] = set()  # devices whose last use is not written yet
        self._lent: int | None = None  # the temporary slot of a filter test; not stored
        for mac, slot, used in database.rows("SELECT mac, slot, used FROM slots ORDER BY used"):
            self._slots[mac], self._used[mac] = slot, used
        self._classes: dict[tuple[int, frozenset[str]], int] = {
            (slot, frozenset(gates.split())): number
            for slot, gates, number in database.rows('SELECT slot, gates, "class" FROM classes')
        }

    def all(self) -> Mapping[str, int]:
        """Return all slot numbers, by the MAC address of the device or the key of the group of devices.

        A slot is the number of a filtered device, or of several with one profile, in packet marks.
        """
        return self._slots

    def assign(self, mac: str, *, now: int, in_use: Collection[str] = ()) -> int:
        """Return the slot number of a device or group of devices, assigned on first use.

        ``mac``: the device's MAC address, or the key of the group. ``now``: Unix seconds. If all
        slots are taken, it gets that of the longest unused device that is not ``in_use``; the class
        numbers of that slot are deleted. Raises StoreError if all are in use.
        """
        known = self._slots.get(mac)
        if known is not None:
            self._used[mac] = now
            self._used_again.add(mac)
            return known
        number = self._free_slot(in_use)
        self._slots[mac], self._used[mac] = number, now
        # A reassigned slot must not have the classes of its former device.
        self._classes = {key: value for key, value in self._classes.items() if key[0] != number}
        self._writer.save(
            Statement("DELETE FROM slots WHERE slot = ?", [(number,)]),
            Statement("DELETE FROM classes WHERE slot = ?", [(number,)]),
            Statement("INSERT INTO slots (mac, slot, used) VALUES (?, ?, ?)", [(mac, number, now)]),
        )
        return number

    def lend(self, in_use: Collection[str]) -> int:
        """Return a temporary slot number for the device of a filter test, one at a time. It is not stored.

        If all slots are taken, the longest unused device that is not ``in_use`` loses its slot.
        Raises StoreError if all are in use. `give_back` releases it.
        """
        held = len(self._slots)
        number = self._lent = self._free_slot(in_use)
        self._classes = {key: value for key, value in self._classes.items() if key[0] != number}
        if len(self._slots) < held:  # a stored device lost its slot, as it would to a new device
            self._writer.save(
                Statement("DELETE FROM slots WHERE slot = ?", [(number,)]),
                Statement("DELETE FROM classes WHERE slot = ?", [(number,)]),
            )
        return number

    def give_back(self) -> None:
        """Release the temporary slot number of a filter test (`lend`), and its class numbers."""
        self._classes = {key: value for key, value in self._classes.items() if key[0] != self._lent}
        self._lent = None

    def _free_slot(self, in_use: Collection[str]) -> int:
        taken = {*self._slots.values(), self._lent}
        free = next((number for number in SLOTS if number not in taken), None)
        if free is not None:
            return free
        idle = [mac for mac in self._slots if mac not in in_use]
        if not idle:
            msg = f"all {len(SLOTS)} filtered devices are in use; forget one with: qalqan device forget MAC"
            raise StoreError(msg)
        oldest = min(idle, key=lambda mac: self._used[mac])
        del self._used[oldest]
        return self._slots.pop(oldest)

    def forget(self, mac: str) -> None:
        slot = self._slots.pop(mac, None)
        if slot is None:
            return
        del self._used[mac]
        self._writer.save(Statement("DELETE FROM slots WHERE mac = ?", [(mac,)]))

    def flush(self) -> None:
        """Write to the disk when the slots (numbers of filtered devices) were last used."""
        again = [(self._used[mac], mac) for mac in self._used_again if mac in self._used]
        self._used_again.clear()
        if again:
            self._writer.save(Statement("UPDATE slots SET used = ? WHERE mac = ?", again))

    def classes(self) -> Mapping[tuple[int, frozenset[str]], int]:
        """Return the class numbers by slot (filtered device or group) and set of gates (time rules)."""
        return self._classes

    def class_number(self, slot: int, gates: frozenset[str]) -> int:
        """Return the class number of a combination of time rules (gates) of a slot, assigned on first use.

        A slot is a filtered device or group of devices. The number is stored, except for the
        temporary slot of a filter test. Raises StoreError if all 63 numbers of the slot are taken.
        """
        known = self._classes.get((slot, gates))
        if known is not None:
            return known
        taken = {number for (owner, _), number in self._classes.items() if owner == slot}
        number = next((number for number in CLASSES if number not in taken), None)
        if number is None:
            msg = (
                f"one device has more than {len(CLASSES)} combinations of limits and windows;"
                " remove some service limits or windows from its profile"
            )
            raise StoreError(msg)
        self._classes[slot, gates] = number
        if slot != self._lent:
            self._writer.save(
                Statement(
                    "INSERT OR REPLACE INTO classes (slot, gates, class) VALUES (?, ?, ?)",
                    [(slot, _text(gates), number)],
                )
            )
        return number

    def keep_classes(self, slot: int, kept: Collection[frozenset[str]]) -> None:
        """Free the class numbers of a slot (filtered device), except those of the combinations in ``kept``.

        A combination is a set of time rules (gates).
        """
        gone = [gates for owner, gates in self._classes if owner == slot and gates not in kept]
        for gates in gone:
            del self._classes[slot, gates]
        if gone:
            rows = [(slot, _text(gates)) for gates in gone]
            self._writer.save(Statement("DELETE FROM classes WHERE slot = ? AND gates = ?", rows))

    def _snapshot(self) -> list[Statement]:
        slots = [(mac, slot, self._used[mac]) for mac, slot in self._slots.items()]
        classes = [
            (slot, _text(gates), number)
            for (slot, gates), number in self._classes.items()
            if slot != self._lent
        ]
        return [
            *table_snapshot("slots", "mac, slot, used", list(slots)),
            *table_snapshot("classes", 'slot, gates, "class"', list(classes)),
        ]


def _text(gates: frozenset[str]) -> str:
    return " ".join(sorted(gates))
