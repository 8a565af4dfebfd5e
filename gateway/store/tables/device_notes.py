"""What a guardian calls a device, and by which addresses it was here.

Names are few and in memory. Of addresses the disk has all that is kept: anybody on the Wi-Fi can take many,
so here are only those that a device has now, and what waits for the next batch.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, moment, table_snapshot, unix

LABEL_LIMIT = 40  # characters
LABELS_LIMIT = 256  # devices that somebody has named; a home has some fifty
ADDRESSES_KEPT = 32  # a device: two months of an IPv6 address a day and two prefixes are twice as many
ADDRESSES_DAYS = 90
AT_ONCE = 8  # newest addresses of a device that are followed
EVERY = timedelta(hours=1)  # how exactly it is known when an address was there last
PENDING_LIMIT = 2048  # addresses that wait for the disk; more are seen again in a while

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
    """One that a device had; a hardware address is one under which it was known before."""

    address: str
    first: datetime
    last: datetime


class DeviceNotes:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper
        self._labels: dict[str, str] = dict(database.rows("SELECT mac, label FROM labels"))
        self._noted: dict[str, dict[str, datetime]] = {}  # by MAC: addresses of now, and when last noted
        self._pending: dict[tuple[str, str], datetime] = {}
        keeper.add(self._snapshot)

    # ------------------------------------------------------------------------------------ names

    def labels(self) -> Mapping[str, str]:
        """By MAC."""
        return self._labels

    def name(self, mac: str, label: str) -> bool:
        """Call it so; empty: as it calls itself. False where there are too many names already."""
        if not label:
            if self._labels.pop(mac, None) is not None:
                self._keeper.save(Statement("DELETE FROM labels WHERE mac = ?", [(mac,)]))
            return True
        if mac not in self._labels and len(self._labels) >= LABELS_LIMIT:
            return False
        self._labels[mac] = label
        self._keeper.save(Statement("INSERT OR REPLACE INTO labels VALUES (?, ?)", [(mac, label)]))
        return True

    # ------------------------------------------------------------------------------------ addresses

    def seen(self, mac: str, addresses: Iterable[str], at: datetime) -> None:
        """It answers for these, the newest last."""
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
        """The newest first. Raises StoreError."""
        self.flush()
        rows = self._database.rows(
            "SELECT address, first, last FROM addresses WHERE mac = ? ORDER BY last DESC, address", (mac,)
        )
        return [Address(address, moment(first), moment(last)) for address, first, last in rows]

    def succeed(self, old: str, new: str, at: datetime) -> None:
        """A device that was known as ``old`` is ``new`` from now on; ``old`` is one of its addresses."""
        self.flush()
        self._keeper.save(
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
        self._noted.pop(mac, None)
        for key in [one for one in self._pending if one[0] == mac]:
            del self._pending[key]
        self._keeper.save(Statement("DELETE FROM addresses WHERE mac = ?", [(mac,)]))

    def flush(self) -> None:
        """Write what waits; call it behind the devices' own."""
        if not self._pending:
            return
        rows = [(mac, address, unix(at), unix(at)) for (mac, address), at in self._pending.items()]
        macs = {(mac, mac) for mac, _ in self._pending}
        self._pending.clear()
        self._keeper.save(Statement(_PUT, rows), Statement(_NEWEST, sorted(macs)))

    def tidy(self, known: Container[str]) -> None:
        """A device that made room for others is known no more."""
        strays = [one for one in self._noted if one not in known]
        for mac in strays:
            self._noted.pop(mac)
        if strays:
            self._keeper.save(Statement("DELETE FROM addresses WHERE mac = ?", [(mac,) for mac in strays]))

    def _snapshot(self) -> list[Statement]:
        """Of addresses the disk has what there is."""
        return table_snapshot("labels", "mac, label", [*self._labels.items()])
