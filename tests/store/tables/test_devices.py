from __future__ import annotations

from datetime import UTC
from pathlib import Path

from gateway.store.store import Store
from gateway.store.tables.devices import DEVICES_LIMIT, NAME_LIMIT, UNSEEN, StoredDevice
from tests.store.helpers import HOUR, NOW, look

TABLET = "02:00:00:00:00:0a"


def test_a_device_is_new_once_and_remembered(path: Path) -> None:
    store = Store(path)
    assert store.devices.seen(TABLET, NOW, "Tablet")
    assert not store.devices.seen(TABLET, NOW + HOUR)
    store.close()
    store = Store(path)
    utc = NOW.astimezone(UTC)
    assert store.devices.all()[TABLET] == StoredDevice(TABLET, "Tablet", "", None, utc, utc + HOUR)
    assert not store.devices.seen(TABLET, NOW)
    store.close()


def test_its_place_is_written_at_once(path: Path) -> None:
    store = Store(path)
    store.devices.seen(TABLET, NOW, "<script>" + "x" * 200)
    store.devices.place(TABLET, "visitor", at=NOW, until=NOW + HOUR)
    assert look(path, "SELECT mac, place, until, length(name) FROM devices") == [
        (TABLET, "visitor", int((NOW + HOUR).timestamp()), NAME_LIMIT)
    ]
    store.close()


def test_being_seen_is_written_with_the_batch(path: Path) -> None:
    store = Store(path)
    store.devices.seen(TABLET, NOW)
    assert look(path, "SELECT * FROM devices") == []
    store.flush_devices()
    assert len(look(path, "SELECT * FROM devices")) == 1
    store.close()


def test_a_forgotten_device_is_new_again(path: Path) -> None:
    store = Store(path)
    store.devices.seen(TABLET, NOW)
    store.flush_devices()
    store.devices.forget(TABLET)
    store.close()
    store = Store(path)
    assert store.devices.seen(TABLET, NOW)
    store.close()


def test_invented_addresses_push_out_each_other_and_nothing_that_has_a_place(path: Path) -> None:
    store = Store(path)
    store.devices.place(TABLET, "home", at=NOW)
    for number in range(DEVICES_LIMIT + 50):
        store.devices.seen(f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}", NOW)
    assert len(store.devices.all()) == DEVICES_LIMIT
    assert TABLET in store.devices.all()
    store.close()
    assert look(path, "SELECT count(*) FROM devices") == [(DEVICES_LIMIT,)]


def test_who_is_named_by_the_files_makes_no_room_for_invented_addresses(path: Path) -> None:
    """When a child's device was last here is asked when a newcomer comes."""
    store = Store(path, named=lambda mac: mac == TABLET)
    store.devices.seen(TABLET, NOW)
    for number in range(DEVICES_LIMIT + 50):
        store.devices.seen(f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}", NOW)
    assert len(store.devices.all()) == DEVICES_LIMIT
    assert TABLET in store.devices.all()
    store.close()


def test_a_random_address_without_an_owner_is_forgotten_after_thirty_days(path: Path) -> None:
    """Phones change their random addresses; a vendor's address is a device's for its life."""
    store = Store(path, named=lambda mac: mac == TABLET)
    gone, new, placed, labelled, vendors = (
        *(f"06:00:00:00:00:{number:02x}" for number in range(4)),
        "00:17:88:00:00:01",
    )
    for mac in (TABLET, gone, placed, labelled, vendors):
        store.devices.seen(mac, NOW)
    store.devices.place(placed, "guest", at=NOW)
    store.notes.name(labelled, "Grandma's phone")
    store.devices.seen(new, NOW + HOUR)
    store.flush_devices()
    store.purge(NOW + UNSEEN)
    assert gone in store.devices.all()
    store.purge(NOW + UNSEEN + HOUR)
    assert set(store.devices.all()) == {TABLET, new, placed, labelled, vendors}
    store.close()
    assert gone not in {mac for (mac,) in look(path, "SELECT mac FROM devices")}
