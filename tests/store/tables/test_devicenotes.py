"""Names that guardians give, and the addresses that devices had: kept, bounded, gone with the device."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway.store.store import Store
from gateway.store.tables.device_notes import (
    ADDRESSES_DAYS,
    ADDRESSES_KEPT,
    EVERY,
    LABELS_LIMIT,
    PENDING_LIMIT,
)
from tests.store.helpers import NOW, look

TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def test_a_name_is_there_after_a_kill_and_goes_when_it_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    assert store.notes.name(TABLET, "Большой планшет")
    assert look(path, "SELECT mac, label FROM labels") == [(TABLET, "Большой планшет")], "at once"
    store.close()
    store = Store(path)
    assert store.notes.labels() == {TABLET: "Большой планшет"}
    assert store.notes.name(TABLET, "")
    assert store.notes.labels() == {}
    assert look(path, "SELECT * FROM labels") == []
    store.close()


def test_there_are_only_so_many_names(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    for number in range(LABELS_LIMIT):
        assert store.notes.name(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", "Lamp")
    assert not store.notes.name("02:00:00:00:ff:ff", "Lamp")
    assert store.notes.name("02:00:00:00:00:00", "Other lamp"), "one that has a name may get another"
    store.close()


def test_addresses_have_their_first_and_last_sight(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.devices.seen(TABLET, NOW)
    store.notes.seen(TABLET, ["192.168.77.10"], NOW)
    store.notes.seen(TABLET, ["192.168.77.10"], NOW + timedelta(minutes=5))
    assert look(path, "SELECT * FROM addresses") == [], "written with the batch"
    store.flush_devices()
    store.notes.seen(TABLET, ["192.168.77.10", "2001:db8::1"], NOW + EVERY)
    found = store.notes.history(TABLET)
    assert [(one.address, one.first, one.last) for one in found] == [
        ("192.168.77.10", NOW, NOW + EVERY),
        ("2001:db8::1", NOW + EVERY, NOW + EVERY),
    ]
    store.close()
    store = Store(path)
    assert store.notes.history(TABLET) == found
    assert store.notes.history(PHONE) == []
    store.close()


def test_a_device_that_takes_many_addresses_fills_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    store.devices.seen(TABLET, NOW)
    for number in range(PENDING_LIMIT + 50):
        store.notes.seen(TABLET, [f"2001:db8::{number:x}"], NOW + timedelta(seconds=number))
    assert len(store.notes._pending) == PENDING_LIMIT
    found = [one.address for one in store.notes.history(TABLET)]
    newest = range(PENDING_LIMIT - 1, PENDING_LIMIT - 1 - ADDRESSES_KEPT, -1)
    assert found == [f"2001:db8::{number:x}" for number in newest]
    store.close()


def test_addresses_go_after_a_while_and_with_a_device_that_gave_way(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for mac in (TABLET, PHONE):
        store.devices.seen(mac, NOW)
        store.notes.seen(mac, ["192.168.77.10"], NOW)
    store.flush_devices()
    store.devices.forget(PHONE)
    store.purge(NOW)
    assert look(path, "SELECT mac FROM addresses") == [(TABLET,)]
    store.purge(NOW + timedelta(days=ADDRESSES_DAYS, seconds=1))
    assert look(path, "SELECT mac FROM addresses") == []
    store.close()


def test_an_address_that_waits_for_the_disk_goes_with_its_device(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for mac in (TABLET, PHONE):
        store.devices.seen(mac, NOW)
        store.notes.seen(mac, ["192.168.77.10"], NOW)
    store.devices.forget(PHONE)
    store.purge(NOW)
    store.flush_devices()
    assert look(path, "SELECT mac FROM addresses") == [(TABLET,)]
    store.close()


def test_a_device_that_came_by_another_address_keeps_name_and_history(tmp_path: Path) -> None:
    store = Store(tmp_path / "q.db")
    for mac in (TABLET, PHONE):
        store.devices.seen(mac, NOW)
    store.notes.seen(TABLET, ["192.168.77.10"], NOW)
    store.notes.name(TABLET, "Big tablet")
    later = NOW + timedelta(hours=2)
    store.notes.seen(PHONE, ["192.168.77.11"], later)
    store.notes.succeed(TABLET, PHONE, later)
    store.notes.forget(TABLET)
    found = {one.address: (one.first, one.last) for one in store.notes.history(PHONE)}
    assert found == {
        "192.168.77.11": (later, later), "192.168.77.10": (NOW, NOW), TABLET: (NOW, NOW),
    }  # fmt: skip
    assert store.notes.labels() == {PHONE: "Big tablet"}
    store.close()


def test_names_outlive_a_file_that_broke(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.notes.name(TABLET, "Big tablet")
    store.close()
    data = bytearray(path.read_bytes())
    data[100:600] = b"\xff" * 500
    path.write_bytes(bytes(data))
    store = Store(path)
    store.notes.name(PHONE, "Phone")
    store.close()
    store = Store(path)
    assert store.notes.labels()[PHONE] == "Phone"
    store.close()
