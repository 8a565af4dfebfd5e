"""Tests of the inventory: traits of devices, their presence, and its events; without a network."""

from __future__ import annotations

from dataclasses import replace
from socket import AF_INET6, inet_aton, inet_pton

import pytest

from gateway.lan import inventory
from gateway.lan.inventory import ASK_AFTER, DOUBT_AFTER, GONE_AFTER, MAX_ASKED, MAX_ASKED_IN_ALL, Inventory
from gateway.lan.neighbours import Neighbour
from gateway.lan.vendors import AT_ONCE
from gateway.policy.identity.sightings import (
    MAX_ADDRESSES,
    MAX_BEHIND,
    MAX_INTERFACE_IDS,
    MAX_NAMES,
    MAX_SERVICES,
    Sighting,
)
from gateway.policy.identity.traits import Traits
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard
from tests.lan.watched import LAN, LINK, PHONE, TABLET, V4, V6, WIRED, Home, watched


@pytest.fixture
def home() -> Home:
    return watched()


# ------------------------------------------------------------------------------------ addresses


def test_a_device_is_new_at_its_first_event_and_has_all_its_addresses(home: Home) -> None:
    home.event(TABLET, V4)
    assert home.heard_of() == [("new", TABLET)]
    home.event(TABLET, V6)
    home.event(TABLET, LINK)
    assert home.heard_of() == [("change", TABLET, "address", "interface_ids")] * 2
    assert home.sight().addresses == (V4, V6, LINK)
    assert home.traits().interface_ids == {inet_pton(AF_INET6, ip)[8:] for ip in (V6, LINK)}
    assert home.inventory.mac_of(V6) == TABLET
    home.event(TABLET, V4, answered=True)
    assert home.heard_of() == []


def test_an_address_that_another_device_takes_is_no_longer_the_first_ones(home: Home) -> None:
    home.event(TABLET, V4)
    home.event(PHONE, V4)
    assert home.inventory.mac_of(V4) == PHONE
    assert home.sight(PHONE).addresses == (V4,)
    home.event(TABLET, V6)
    assert home.sight().addresses == (V6,)


def test_addresses_and_interface_ids_are_bounded(home: Home) -> None:
    for number in range(100):
        home.event(TABLET, f"2001:db8::1:{number:x}")
    assert len(home.sight().addresses) == MAX_ADDRESSES
    assert home.sight().addresses[-1] == "2001:db8::1:63"
    assert len(home.traits().interface_ids) == MAX_INTERFACE_IDS
    assert inet_pton(AF_INET6, "::1:63")[8:] in home.traits().interface_ids
    assert home.inventory.mac_of("2001:db8::1:0") is None


def test_what_is_left_from_earlier_takes_no_place_from_what_is_used(home: Home) -> None:
    """As the kernel lists a device that had hundreds of temporary addresses, in no order."""
    old = [Neighbour(TABLET, f"2001:db8::1:{at:x}", LAN, online=False) for at in range(2 * MAX_ADDRESSES)]
    used = [
        Neighbour(TABLET, V4, LAN, online=True, answered=True),
        Neighbour(TABLET, V6, LAN, online=True),
    ]
    for _ in range(3):
        home.inventory.listed([*used[:1], *old, *used[1:]])
        assert home.inventory.mac_of(V4) == home.inventory.mac_of(V6) == TABLET
        assert len(home.sight().addresses) == MAX_ADDRESSES
    home.event(TABLET, old[-1].ip)
    assert home.inventory.mac_of(old[-1].ip) == TABLET, "it is used again"


def test_an_address_in_which_nobody_answers_is_listed_only_where_none_does(home: Home) -> None:
    home.event(TABLET, V4)
    home.event(TABLET, V6)
    home.event(TABLET, V6, failed=True)
    assert home.sight().addresses == (V4,)
    assert not home.inventory.missing(TABLET)
    home.event(TABLET, V4, failed=True)
    assert home.sight().addresses == (V4, V6)
    assert home.inventory.missing(TABLET), "asked in vain everywhere"
    home.event(TABLET, V6, answered=True)
    assert home.sight().addresses == (V6,)
    assert not home.inventory.missing(TABLET)


def test_what_the_kernel_lists_no_more_is_no_address_but_the_last_one_is_remembered(home: Home) -> None:
    home.event(TABLET, V4)
    home.event(TABLET, V6)
    listed = [Neighbour(TABLET, V4, LAN, online=False)]
    home.inventory.listed(listed)
    assert home.sight().addresses == (V4,)
    home.event(TABLET, V4, gone=True)
    home.event(TABLET, V4, gone=True)
    assert home.inventory.mac_of(V4) is None
    assert home.sight().addresses == (V4,)


def test_the_same_link_address_on_two_interfaces_is_of_two_devices(home: Home) -> None:
    for mac, index in ((TABLET, 3), (PHONE, 4)):
        home.inventory.neighbour(Neighbour(mac, LINK, index, online=False), event=True)
    assert home.sight().addresses == home.sight(PHONE).addresses == (LINK,)
    assert [home.inventory.interface(mac) for mac in (TABLET, PHONE, WIRED)] == [3, 4, 0]


# ------------------------------------------------------------------------------------ what it says


def test_dhcp_tells_name_class_and_options(home: Home) -> None:
    home.dhcp(TABLET, host_name="Galaxy-S21", vendor_class="android-dhcp-14", options=(1, 3, 6))
    assert home.heard_of() == [("new", TABLET)]
    assert home.traits() == Traits(
        TABLET, host_name="Galaxy-S21", vendor_class="android-dhcp-14", options=(1, 3, 6), kind="phone"
    )
    home.dhcp(TABLET, host_name="Galaxy-S21", vendor_class="android-dhcp-14", options=(1, 3, 6))
    assert home.heard_of() == []
    home.dhcp(TABLET, host_name="pc", vendor_class="MSFT 5.0", options=(1, 15))
    assert home.heard_of() == [("change", TABLET, "dhcp", "host_name", "vendor_class", "options", "kind")]


def test_an_inform_asks_for_other_options_than_its_system(home: Home) -> None:
    home.dhcp(TABLET, options=(1, 3, 6))
    home.dhcp(TABLET, message=8, options=(1, 252))
    assert home.traits().options == (1, 3, 6)
    said = Dhcp(6, 1, host_name="six", vendor_class="MSFT 5.0", options=(23, 24))
    home.inventory.heard(TABLET, LAN, Overheard(b"", dhcp=said))
    assert (home.traits().options, home.traits().host_name) == ((1, 3, 6), "six")
    assert home.traits().vendor_class == "MSFT 5.0"


def test_another_hardware_address_in_the_message_is_a_repeaters_client_and_told_of_both(home: Home) -> None:
    home.event(TABLET, V4)
    home.heard_of()
    home.dhcp(TABLET, hardware=PHONE, host_name="other", options=(1, 2))
    assert home.heard_of() == [("change", TABLET, "behind")]
    assert home.traits() == Traits(TABLET), "what the client says is not what the repeater says"
    assert home.inventory.behind(TABLET) == {PHONE}
    assert home.inventory.traits(PHONE) is None, "nobody is made of a message alone"
    for number in range(100):
        home.dhcp(TABLET, hardware=f"02:00:00:00:01:{number:02x}")
    assert len(home.inventory.behind(TABLET)) == MAX_BEHIND


def test_names_from_surer_sources_stay(home: Home) -> None:
    home.event(TABLET, V4)
    home.mdns(TABLET, V4, hosts=(("tablet-2", inet_aton(V4)),))
    assert home.traits().host_name == "tablet-2"
    home.inventory.lease(TABLET, "lounge")
    assert home.traits().host_name == "lounge"
    home.dhcp(TABLET, host_name="Tablet")
    assert home.traits().host_name == "Tablet"
    home.mdns(TABLET, V4, hosts=(("tablet-3", inet_aton(V4)),))
    home.inventory.lease(TABLET, "lounge")
    assert home.traits().host_name == "Tablet"
    assert home.sight().names == ("tablet-2", "lounge", "Tablet", "tablet-3")
    home.dhcp(TABLET, host_name="Fifth")
    assert len(home.sight().names) == MAX_NAMES
    assert home.traits().host_name == "Fifth"


def test_a_name_that_is_answered_for_another_device_is_not_taken(home: Home) -> None:
    home.event(TABLET, V4)
    home.mdns(TABLET, V4, hosts=(("sleeper", inet_aton("192.168.77.99")), ("tablet", inet_aton(V4))))
    assert home.traits().host_name == "tablet"
    home.mdns(TABLET, V4, hosts=(("sleeper", inet_aton("192.168.77.99")),))
    assert home.sight().names == ("tablet",)


def test_services_and_model_are_kept_and_bounded(home: Home) -> None:
    home.mdns(TABLET, V4, services=frozenset({"_airplay"}), model="AppleTV11,1")
    home.mdns(TABLET, V4, services=frozenset({"_raop"}))
    assert home.sight().services == {"_airplay", "_raop"}
    assert home.sight().model == "AppleTV11,1"
    for number in range(40):
        home.mdns(TABLET, V4, services=frozenset({f"_s{number}"}))
    assert len(home.sight().services) == MAX_SERVICES


def test_a_packet_tells_the_hop_limit_and_the_interface_id_but_no_address(home: Home) -> None:
    home.inventory.heard(TABLET, LAN, Overheard(inet_pton(AF_INET6, V6), 64))
    home.inventory.heard(TABLET, LAN, Overheard(inet_aton(V4), 128))
    assert home.traits().hop_limit == 128
    assert home.traits().interface_ids == {inet_pton(AF_INET6, V6)[8:]}
    assert home.inventory.mac_of(V6) is home.inventory.mac_of(V4) is None
    assert home.sight().addresses == ()
    assert home.heard_of() == [("new", TABLET), ("change", TABLET, "packet", "hop_limit")]


def test_a_lease_makes_no_device(home: Home) -> None:
    home.inventory.lease(TABLET, "ghost")
    assert home.inventory.traits(TABLET) is None
    home.event(TABLET, V4)
    home.inventory.lease(TABLET, "", dhcp=Dhcp(4, 1, vendor_class="android-dhcp-9", options=(1, 3)))
    assert (home.traits().kind, home.traits().options) == ("phone", (1, 3))


def test_vendors_of_real_addresses_alone_and_not_too_many_at_once(home: Home) -> None:
    home.event(TABLET, V4)
    assert home.asked_vendors == []
    macs = [f"28:6f:b9:00:00:{number:02x}" for number in range(20)]
    for number, mac in enumerate(macs):
        home.event(mac, f"192.168.77.{number + 100}")
    assert home.asked_vendors == macs[:AT_ONCE]
    home.heard_of()
    home.inventory.tick()
    home.inventory.tick()
    assert sorted(home.asked_vendors) == macs
    assert home.heard_of() == [("change", mac, "vendor", "vendor") for mac in macs[AT_ONCE:]]
    assert home.traits(macs[-1]).vendor == "Acme"


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


def test_a_device_is_examined_until_it_is_gone_or_forgotten(home: Home) -> None:
    home.inventory.load([Sighting(Traits(mac)) for mac in (TABLET, PHONE, WIRED)], {TABLET, PHONE})
    home.event(TABLET, V4, answered=True)
    assert home.inventory.examined == {TABLET, PHONE}
    home.inventory.set_examined(WIRED)
    home.now += GONE_AFTER
    home.event(TABLET, V4, answered=True)
    home.inventory.tick()
    assert home.inventory.examined == {TABLET}, "the others were not seen since the start"
    home.now += GONE_AFTER
    home.inventory.tick()
    assert home.inventory.examined == frozenset()
    home.inventory.set_examined(TABLET)
    home.inventory.forget(TABLET)
    assert not home.inventory.is_examined(TABLET)


def test_a_device_that_is_not_stored_any_more_is_forgotten_unless_it_is_online(home: Home) -> None:
    home.inventory.load([Sighting(Traits(PHONE)), Sighting(Traits(WIRED))])
    home.event(TABLET, V4)
    home.inventory.keep_only({WIRED})
    assert set(home.inventory.macs()) == {TABLET, WIRED}


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


def test_a_device_stays_missing_when_the_kernel_lists_or_deletes_its_unanswered_address(home: Home) -> None:
    home.event(TABLET, V4, answered=True)
    home.inventory.listed([Neighbour("", V4, LAN, online=False, failed=True)])
    assert home.inventory.missing(TABLET)
    home.inventory.listed([])
    assert home.inventory.missing(TABLET)
    home.dhcp(TABLET)
    assert not home.inventory.missing(TABLET)


def test_a_device_is_not_missing_because_the_kernel_deleted_an_unused_address(home: Home) -> None:
    home.event(TABLET, V4, answered=True)
    home.inventory.listed([])
    assert not home.inventory.missing(TABLET)
