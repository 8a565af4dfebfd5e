from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.core.bus import Bus
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from gateway.store.store import Store
from gateway.store.tables.sightings import SightsLost
from tests.store.helpers import NOW, look

TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
FULL = Sighting(
    Traits(
        TABLET,
        host_name="Амина планшеті",
        vendor_class="android-dhcp-14",
        options=(1, 3, 6, 252),
        vendor="Acme, Inc.",
        kind="tablet",
        hop_limit=64,
        interface_ids=frozenset({bytes(8), b"\1" * 8}),
    ),
    addresses=("192.168.77.10", "fe80::1"),
    names=("Tablet of Amina", "Амина планшеті"),
    named_by="dhcp",
    services=frozenset({"_airplay", "_raop"}),
    model="AppleTV11,1",
    behind=frozenset({PHONE}),
)


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.devices.seen(TABLET, NOW)
    store.devices.seen(PHONE, NOW)
    store.sightings.keep([FULL, Sighting(Traits(PHONE))])
    assert look(path, "SELECT * FROM sights") == [], "it is written with the batch"
    store.close()
    store = Store(path)
    assert sorted(store.sightings.load(), key=lambda one: one.traits.mac) == [FULL, Sighting(Traits(PHONE))]
    store.close()


def test_a_row_that_makes_no_sense_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for mac in (TABLET, PHONE):
        store.devices.seen(mac, NOW)
    store.sightings.keep([FULL, Sighting(Traits(PHONE))])
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sights SET options = '1 x' WHERE mac = ?", (TABLET,))
        connection.execute("UPDATE sights SET named_by = 'nobody' WHERE mac = ?", (PHONE,))
    store = Store(path)
    assert store.sightings.load() == [Sighting(Traits(PHONE))]
    store.close()


def test_it_goes_with_its_device(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.devices.seen(TABLET, NOW)
    store.sightings.keep([FULL, Sighting(Traits(PHONE))])
    store.flush_devices()
    assert look(path, "SELECT mac FROM sights") == [(TABLET,)], "nobody knows the other one"
    store.sightings.keep([FULL])
    store.sightings.forget(TABLET)
    assert look(path, "SELECT mac FROM sights") == []
    store.close()
    assert look(path, "SELECT mac FROM sights") == []


def test_a_file_that_was_replaced_is_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    bus = Bus()
    store = Store(path, bus=bus)
    store.devices.seen(TABLET, NOW)
    bus.subscribe(SightsLost, lambda _: store.sightings.keep([FULL]))
    store._writer.behind = True
    store.flush(0.0)
    assert look(path, "SELECT mac, names FROM sights") == [(TABLET, "Tablet of Amina\nАмина планшеті")]
    store.close()


def test_a_device_that_a_profile_names_keeps_its_first_sight(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    store.devices.place(TABLET, "guest", at=NOW)
    store.devices.unplace(TABLET)
    store.devices.unplace(PHONE)
    assert [(one.place, one.first_seen) for one in store.devices.all().values()] == [("", NOW)]
    store.close()
