"""Who is there, who is gone, and how much is remembered."""

from __future__ import annotations

from dataclasses import replace
from socket import inet_aton

import pytest

from gateway.lan import inventory
from gateway.lan.inventory import ASK_AFTER, DOUBT_AFTER, GONE_AFTER, MAX_ASKED, MAX_ASKED_IN_ALL, Inventory
from gateway.lan.neighbours import Neighbour
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from gateway.wire.lan.overheard import Overheard
from tests.lan.watched import LAN, PHONE, TABLET, V4, V6, Home, watched


@pytest.fixture
def home() -> Home:
    return watched()


# ------------------------------------------------------------------------------------ there or not


def test_a_device_that_falls_silent_is_asked_and_then_gone_and_comes_back(home: Home) -> None:
    home.event(TABLET, V4, answered=True)
    home.event(TABLET, V6, answered=True)
    home.heard_of()
    home.now += ASK_AFTER - 1
    assert home.inventory.tick() == []
    home.now += 1
    assert home.inventory.tick() == [(V4, LAN), (V6, LAN)]
    home.event(TABLET, V6, answered=True)
    assert home.inventory.tick() == []
    home.now += GONE_AFTER - 1
    assert home.inventory.online(TABLET)
    home.inventory.tick()
    assert home.heard_of() == []
    home.now += 1
    assert home.inventory.tick() == []
    assert home.heard_of() == [("gone", TABLET)]
    assert home.inventory.missing(TABLET)
    home.inventory.tick()
    assert home.heard_of() == []
    home.inventory.neighbour(Neighbour(TABLET, V4, LAN, online=False), event=True)
    assert home.heard_of() == [], "an old entry that turns stale is no sign of life"
    home.dhcp(TABLET)
    assert home.heard_of() == [("back", TABLET)]
    assert home.inventory.online(TABLET)


def test_at_a_start_who_is_there_is_found_out_and_nobody_is_called_back(home: Home) -> None:
    home.inventory.load(
        [Sighting(Traits(TABLET, host_name="Tablet"), addresses=(V4,)), Sighting(Traits(PHONE))]
    )
    home.inventory.listed([Neighbour(TABLET, V4, LAN, online=False)])
    assert home.inventory.is_open(TABLET)
    assert not home.inventory.online(TABLET)
    assert home.inventory.tick() == [(V4, LAN)]
    home.event(TABLET, V4, answered=True)
    assert home.inventory.online(TABLET)
    assert home.heard_of() == [("found", TABLET)]
    home.event(TABLET, V4, answered=True)
    assert home.heard_of() == []
    home.now += GONE_AFTER
    home.event(PHONE, "192.168.77.11", answered=True)
    assert home.heard_of() == [("back", PHONE)], "it was away when we started"


def test_when_a_new_one_comes_those_that_are_silent_are_doubted(home: Home) -> None:
    home.event(TABLET, V4, answered=True)
    home.event(PHONE, "192.168.77.11")
    home.now += DOUBT_AFTER
    assert (V4, LAN) in home.inventory.doubted(), "though it was heard when the new one came"
    home.event(TABLET, V4, failed=True)
    assert home.inventory.missing(TABLET)


def test_who_lost_its_last_address_to_another_is_missed_until_it_is_heard(home: Home) -> None:
    """A phone with another hardware address keeps its IP address."""
    home.event(TABLET, V4, answered=True)
    home.event(PHONE, V4, answered=True)
    assert home.inventory.missing(TABLET)
    home.dhcp(TABLET)
    assert not home.inventory.missing(TABLET)


def test_a_scan_finds_devices_without_addresses(home: Home) -> None:
    home.inventory.answered(PHONE)
    assert home.heard_of() == [("new", PHONE)]
    assert home.inventory.online(PHONE)


def test_no_more_addresses_than_some_are_asked_at_once(home: Home) -> None:
    for number in range(20):
        home.event(TABLET, f"2001:db8::1:{number:x}")
    home.now += ASK_AFTER
    assert len(home.inventory.tick()) == MAX_ASKED


def test_invented_addresses_do_not_keep_the_family_s_own_from_being_asked(home: Home) -> None:
    """Else a child's tablet that sleeps would count as gone, and one that went would be missed late."""
    macs = [f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(MAX_ASKED_IN_ALL + 50)]
    for number, mac in enumerate(macs):
        home.event(mac, f"10.0.{number >> 8}.{number & 255}", answered=True)
    home.event(TABLET, V4, answered=True)
    home.now += ASK_AFTER
    for asked in (home.inventory.doubted(), home.inventory.tick()):
        assert len(asked) == MAX_ASKED_IN_ALL
        assert asked[0] == (V4, LAN)


# ------------------------------------------------------------------------------------ how it is kept


def test_who_was_heard_of_makes_no_room_for_who_was_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "MAX_DEVICES", 4)
    home.event(PHONE, V4, answered=True)
    for number in range(20):
        home.now += 1
        home.event(f"06:00:00:00:00:{number:02x}", f"192.168.77.{number + 100}")
        home.event(PHONE, V4, answered=True)
    assert home.inventory.online(PHONE)


def test_invented_addresses_push_out_the_longest_unheard_but_no_ones_own(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "MAX_DEVICES", 8)
    home.event(TABLET, V4)
    for number in range(20):
        home.now += 1
        home.event(f"02:00:00:00:01:{number:02x}", f"192.168.77.{number + 100}")
    assert len(list(home.inventory.macs())) == 8
    assert home.inventory.traits(TABLET) is not None
    assert home.inventory.mac_of("192.168.77.100") is None
    assert home.inventory.mac_of("192.168.77.119") is not None


def test_what_changed_is_told_once_and_a_forgotten_device_is_new_again(home: Home) -> None:
    home.event(TABLET, V4)
    assert [one.addresses for one in home.inventory.unsaved()] == [(V4,)]
    assert home.inventory.unsaved() == []
    home.event(TABLET, V6)
    assert len(home.inventory.unsaved()) == 1
    home.inventory.forget(TABLET)
    home.inventory.forget(TABLET)
    assert home.inventory.mac_of(V4) is None
    home.heard_of()
    home.event(TABLET, V4, answered=True)
    assert home.heard_of() == [("new", TABLET)]


def test_names_of_no_source_are_nothing() -> None:
    sight = Sighting(Traits(TABLET), named_by="dhcp")
    assert sight.named("", "dhcp") is sight
    assert replace(sight, named_by="").named("a", "mdns").traits.host_name == "a"


def test_what_is_ignored_is_no_device_whatever_it_says() -> None:
    home = Home()
    home.inventory = Inventory(
        lambda: home.now, home.kind_of, home.vendor_of, ignores={PHONE}.__contains__, bus=home.bus
    )
    for mac in (PHONE, TABLET):
        place = V4 if mac == TABLET else "192.168.77.11"
        home.inventory.neighbour(Neighbour(mac, place, LAN, online=True, answered=True), event=True)
        home.inventory.heard(mac, LAN, Overheard(inet_aton(place), hop_limit=64))
        home.inventory.lease(mac, "phone")
        home.inventory.answered(mac)
    assert list(home.inventory.macs()) == [TABLET]
    assert home.inventory.mac_of("192.168.77.11") is None
    assert {mac for _, mac, *_ in home.heard_of()} == {TABLET}
