"""What devices report about themselves, such as names and services ("sightings").

They are written with the batch, and kept as long as the device is known. The inventory has all of them in
memory. This module only has the rows that are not written yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.core.bus import Bus
from gateway.policy.identity.sightings import NAME_SOURCES, Sighting
from gateway.policy.identity.traits import Traits
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, table_snapshot

_COLUMNS = (
    "mac", "host_name", "named_by", "vendor_class", "options", "vendor", "kind", "interface_ids",
    "addresses", "names", "services", "model", "behind", "hop_limit",
)  # fmt: skip
_LISTED = ", ".join(_COLUMNS)
# Delete rows of devices that were dropped from the devices table.
_PRUNE = "DELETE FROM sights WHERE mac NOT IN (SELECT mac FROM devices)"


@dataclass(frozen=True, slots=True)
class SightsLost:
    """Event: what devices reported about themselves must be written again, such as to a new database file.

    The subscriber must pass all known sightings to ``SightingTable.keep`` before it returns.
    """


class SightingTable:
    def __init__(self, database: Database, writer: DurableWriter, bus: Bus) -> None:
        self._database = database
        self._writer = writer
        self._waiting: dict[str, Sighting] = {}
        self._bus = bus
        writer.add(self._snapshot)

    def load(self) -> list[Sighting]:
        """Return what each device reported about itself, from the database. Raises StoreError.

        Unreadable rows are left out.
        """
        found = map(_sight, self._database.rows(f"SELECT {_LISTED} FROM sights"))
        return [sight for sight in found if sight is not None]

    def keep(self, sights: Iterable[Sighting]) -> None:
        self._waiting.update((sight.traits.mac, sight) for sight in sights)

    def forget(self, mac: str) -> None:
        self._waiting.pop(mac, None)
        self._writer.save(Statement("DELETE FROM sights WHERE mac = ?", [(mac,)]))

    def flush(self) -> None:
        """Write what `keep` got since the last flush, and delete the rows of devices that are not stored.

        Does nothing if `keep` got nothing. Call it after the `flush` of the devices.
        """
        if not self._waiting:
            return
        rows = [_row(sight) for sight in self._waiting.values()]
        self._waiting.clear()
        marks = ", ".join("?" * len(_COLUMNS))
        insert = Statement(f"INSERT OR REPLACE INTO sights ({_LISTED}) VALUES ({marks})", rows)
        self._writer.save(insert, Statement(_PRUNE))

    def _snapshot(self) -> list[Statement]:
        self._bus.publish(SightsLost())
        rows = [_row(sight) for sight in self._waiting.values()]
        self._waiting.clear()
        return table_snapshot("sights", _LISTED, rows)


def _row(sight: Sighting) -> tuple[object, ...]:
    traits = sight.traits
    return (
        traits.mac,
        traits.host_name,
        sight.named_by,
        traits.vendor_class,
        " ".join(map(str, traits.options)),
        traits.vendor,
        traits.kind,
        " ".join(sorted(interface_id.hex() for interface_id in traits.interface_ids)),
        " ".join(sight.addresses),
        "\n".join(sight.names),
        " ".join(sorted(sight.services)),
        sight.model,
        " ".join(sorted(sight.behind)),
        traits.hop_limit,
    )


def _sight(row: tuple[Any, ...]) -> Sighting | None:
    (mac, host_name, named_by, vendor_class, options, vendor, kind, interface_ids,
     addresses, names, services, model, behind, hop_limit) = row  # fmt: skip
    try:
        numbers = tuple(map(int, options.split()))
        ids = frozenset(map(bytes.fromhex, interface_ids.split()))
    except ValueError:
        return None
    return Sighting(
        Traits(mac, host_name, vendor_class, numbers, vendor, kind, hop_limit, ids),
        addresses=tuple(addresses.split()),
        names=tuple(names.splitlines()),
        named_by=named_by if named_by in NAME_SOURCES else "",
        services=frozenset(services.split()),
        model=model,
        behind=frozenset(behind.split()),
    )
