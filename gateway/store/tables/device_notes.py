"""Labels that guardians give devices, and the address history of devices.

Labels are few and in memory. Addresses can be many, since any device on the Wi-Fi can take some. So memory
has only the current addresses and those that wait for the next batch.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, moment, table_snapshot, unix

LABEL_LIMIT = 40  # characters
LABELS_LIMIT = 256  # labelled devices; a household has about fifty
ADDRESSES_KEPT = 32  # for each device
ADDRESSES_DAYS = 90
AT_ONCE = 8  # newest addresses of a device that are recorded
EVERY = timedelta(hours=1)  # resolution of the last use of an address
PENDING_LIMIT = 2048  # addresses that wait for the disk; others are recorded when they are seen again

_PUT = (
    "INSERT INTO addresses (mac, address, first, last) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (mac, address) DO UPDATE SET last = max(last, excluded.last)"
)
_NEWEST = (
    "DELETE FROM addresses WHERE mac = ? AND address NOT IN (SELECT address FROM addresses WHERE mac = ? "
    f"ORDER BY last DESC, address LIMIT {ADDRESSES_KEPT})"
)
_SUCCEED = (
    "INSERT INTO addresses (mac, address, first, last) "
    "SELECT ?, ?, coalesce(min(first), ?), coalesce(max(last), ?) FROM addresses WHERE mac = ? "
    "ON CONFLICT (mac, address) DO UPDATE SET last = max(last, excluded.last)"
)
_TAKE_OVER = (
    "INSERT INTO addresses (mac, address, first, last) SELECT ?, address, first, last FROM addresses "
    "WHERE mac = ? ON CONFLICT (mac, address) DO UPDATE SET first = min(first, excluded.first)"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address that a device had, or an earlier MAC address of it, with its first and last use."""

    address: str
    first: datetime
    last: datetime


class DeviceNoteTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._database = database
        self._writer = writer
        self._labels: dict[str, str] = dict(database.rows("SELECT mac, label FROM labels"))
        self._noted: dict[
            str, dict[str, datetime]
        ] = {}  # MAC → current addresses, with the time of their last note
        self._pending: dict[tuple[str, str], datetime] = {}
        writer.add(self._snapshot)

    # ------------------------------------------------------------------------------------ names

    def labels(self) -> Mapping[str, str]:
        """Return the labels, names that guardians gave devices, by MAC address."""
        return self._labels

    def name(self, mac: str, label: str) -> bool:
        """Set the label of a device; an empty one removes it.

        Return False, and change nothing, if LABELS_LIMIT devices have one already.
        """
        if not label:
            if self._labels.pop(mac, None) is not None:
                self._writer.save(Statement("DELETE FROM labels WHERE mac = ?", [(mac,)]))
            return True
        if mac not in self._labels and len(self._labels) >= LABELS_LIMIT:
            return False
        self._labels[mac] = label
        self._writer.save(
            Statement("INSERT OR REPLACE INTO labels (mac, label) VALUES (?, ?)", [(mac, label)])
        )
        return True

    # ------------------------------------------------------------------------------------ addresses

    def seen(self, mac: str, addresses: Iterable[str], at: datetime) -> None:
        """Record the current IP addresses of a device, newest last, in memory. ``flush`` writes them.

        Only the newest AT_ONCE are recorded, each at most once an hour.
        """
        known, now = self._noted.get(mac, {}), {}
        for address in tuple(addresses)[-AT_ONCE:]:
            noted = known.get(address)
            if noted is None or not timedelta() <= at - noted < EVERY:
                if len(self._pending) >= PENDING_LIMIT:
                    continue
                self._pending.setdefault((mac, address), at)
                noted = at
            now[address] = noted
        self._noted[mac] = now

    def history(self, mac: str) -> list[Address]:
        """Return the IP addresses, and earlier MAC addresses, that a device had, newest first.

        Writes recorded addresses to the disk first. Raises StoreError.
        """
        self.flush()
        rows = self._database.rows(
            "SELECT address, first, last FROM addresses WHERE mac = ? ORDER BY last DESC, address", (mac,)
        )
        return [Address(address, moment(first), moment(last)) for address, first, last in rows]

    def succeed(self, old: str, new: str, at: datetime) -> None:
        """Move the label, and copy the address history, of MAC ``old`` to ``new``: it is the same device.

        ``old`` becomes an entry of that history. If ``new`` has a label already, each keeps its
        own.
        """
        self.flush()
        self._writer.save(
            Statement(_SUCCEED, [(new, old, unix(at), unix(at), old)]),
            Statement(_TAKE_OVER, [(new, old)]),
            Statement(_NEWEST, [(new, new)]),
        )
        label = self._labels.get(old, "")
        if label and new not in self._labels:
            self.name(old, "")
            self.name(new, label)

    def forget(self, mac: str) -> None:
        self.name(mac, "")
        self._forget_addresses({mac})

    def flush(self) -> None:
        """Write recorded addresses to the disk.

        Also delete all but the newest ADDRESSES_KEPT of each of these devices. If the disk fails, the
        recorded addresses are lost. Labels are written when they change. Call it after the `flush`
        of the devices.
        """
        if not self._pending:
            return
        rows = [(mac, address, unix(at), unix(at)) for (mac, address), at in self._pending.items()]
        macs = {(mac, mac) for mac, _ in self._pending}
        self._pending.clear()
        self._writer.save(Statement(_PUT, rows), Statement(_NEWEST, sorted(macs)))

    def tidy(self, known: Container[str]) -> None:
        """Delete the address history of devices that are not in ``known``.

        Only of those whose addresses were recorded (`seen`) since the start of the program.
        """
        unknown = {mac for mac in self._noted if mac not in known}
        if unknown:
            self._forget_addresses(unknown)

    def _forget_addresses(self, macs: Set[str]) -> None:
        """Delete the address history of these devices, also what waits for the disk."""
        for mac in macs:
            self._noted.pop(mac, None)
        for key in [pair for pair in self._pending if pair[0] in macs]:
            del self._pending[key]
        self._writer.erase(Statement("DELETE FROM addresses WHERE mac = ?", [(mac,) for mac in macs]))

    def _snapshot(self) -> list[Statement]:
        """Return the statements that write all labels.

        Addresses are not in memory, so a new file starts without them.
        """
        return table_snapshot("labels", "mac, label", [*self._labels.items()])
