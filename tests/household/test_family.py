"""Who is who: slots, places, situations; real files, a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.household.rule_book import RuleBook
from gateway.policy.time.standing import FOREVER
from gateway.policy.values import Observation, Proto, Reason
from gateway.wire.dns.svcb import Unwanted
from tests.household.a_home import MUMS, NOON, PHONE, STRANGER, TABLET, Home, asked_about, built
from tests.household.household_files import SON


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield from built(tmp_path)


def test_each_device_has_a_slot_of_its_own_and_keeps_it(home: Home) -> None:
    slots = {mac: home.family.member_of(mac) for mac in (TABLET, "02:00:00:00:00:1a", PHONE)}
    numbers = [member.slot for member in slots.values() if member is not None]
    assert len(set(numbers)) == 3
    home.rebuild()
    assert [m.slot for mac in slots if (m := home.family.member_of(mac)) is not None] == numbers


def test_a_pause_is_a_guardian_s_or_the_family_s(home: Home) -> None:
    for by, owner in (("Mum", "guardian:Mum"), ("console", "family"), ("router", "family")):
        home.store.pause("daughter", until=None, by=by, at=NOON)
        home.family.situate(NOON)
        member = home.family.member_of(TABLET)
        assert member is not None
        assert member.situation.paused_by == owner


def test_what_each_may(home: Home) -> None:
    assert home.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK
    assert home.reason(PHONE, "pornhub.com") is Reason.CATEGORY
    assert home.reason(MUMS, "pornhub.com") is Reason.UNFILTERED
    assert home.family.plain == (MUMS,)


@pytest.mark.parametrize(
    ("ways", "unwanted"),
    [
        ({"vpn": "allow"}, Unwanted()),
        ({"encrypted_dns": "allow"}, Unwanted(resolvers=False)),
        ({"ech": "allow"}, Unwanted(ech=False)),
    ],
)
def test_what_is_taken_out_of_answers_goes_by_the_profile(
    tmp_path: Path, ways: dict[str, str], unwanted: Unwanted
) -> None:
    home = Home(tmp_path, son={**SON, "ways": ways})
    for mac, expected in ((PHONE, unwanted), (TABLET, Unwanted())):
        member = home.family.member_of(mac)
        assert member is not None
        assert home.family.subjects[member.slot].unwanted == expected
    home.store.close()


def test_a_device_about_which_is_asked_has_taken_out_what_either_refuses(tmp_path: Path) -> None:
    home = Home(tmp_path, son={**SON, "ways": {"ech": "allow"}}, unknown_devices="daughter")
    member = asked_about(home, "son", PHONE)
    assert home.family.subjects[member.slot].unwanted == Unwanted()
    home.store.close()


def test_places_that_guardians_gave(home: Home) -> None:
    home.store.devices.place(STRANGER, "home", at=NOON)
    home.rebuild()
    assert home.family.member_of(STRANGER) is None
    home.store.devices.place(STRANGER, "quarantine", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.QUARANTINED
    home.store.devices.place(STRANGER, "adult", at=NOON, until=NOON - timedelta(minutes=1))
    home.rebuild()
    assert home.reason(STRANGER, "pornhub.com") is Reason.CATEGORY  # the place has ended


def test_a_shared_device_has_the_youngest_ones_rules(tmp_path: Path) -> None:
    home = Home(tmp_path, shared={STRANGER: {"people": ["daughter", "son"]}})
    member = home.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.id == "daughter"
    home.store.close()


def test_pauses_by_profile_device_and_all(home: Home) -> None:
    end = NOON + timedelta(minutes=30)
    home.store.pause("daughter", until=end, by="Mum", at=NOON)
    changed = home.family.situate(NOON)
    assert changed == home.family.slots_of("daughter")
    assert len(changed) == 2
    assert home.reason(TABLET, "www.example.org") is Reason.PAUSED
    assert home.reason(PHONE, "www.example.org") is Reason.OPEN
    home.store.resume("daughter", by="Mum", at=NOON)
    home.store.pause(TABLET, until=None, by="Mum", at=NOON)
    home.family.situate(NOON)
    member = home.family.member_of(TABLET)
    assert member is not None
    assert member.situation.paused_until == FOREVER
    assert home.reason("02:00:00:00:00:1a", "www.example.org") is Reason.OPEN
    home.store.pause("all", until=end, by="Mum", at=NOON)
    home.family.situate(NOON)
    assert home.reason(PHONE, "www.example.org") is Reason.PAUSED
    assert home.reason(STRANGER, "www.example.org") is Reason.OPEN  # a guest is no child
    assert home.reason(MUMS, "www.example.org") is Reason.UNFILTERED


def test_off_stops_categories_for_everyone(home: Home) -> None:
    home.store.off(until=NOON + timedelta(hours=1), by="Mum", at=NOON)
    home.family.situate(NOON)
    assert home.reason(TABLET, "www.tiktok.com") is Reason.UNFILTERED
    assert home.reason(TABLET, "malware.test.qalqan.invalid") is Reason.REFUSED_FOR_EVERYONE


def test_addresses_are_a_devices_own(home: Home) -> None:
    first, second = (home.family.member_of(mac) for mac in (TABLET, PHONE))
    assert first is not None
    assert second is not None
    home.book.learn(first.slot, [bytes(4)], 60, 0.0)
    assert bytes(4) in first.situation.addresses
    assert bytes(4) not in second.situation.addresses


def test_devices_of_a_file_that_was_never_good_are_guests(home: Home, tmp_path: Path) -> None:
    home.store.devices.place(TABLET, "home", at=NOON)  # as a first run without the file would have it
    (tmp_path / "profiles" / "daughter.yaml").write_text(f'band: 10-13\ndevices: ["{TABLET.upper()}"]\n')
    home.rules = RuleBook(tmp_path / "qalqan.yaml")
    home.rebuild()
    member = home.family.member_of(TABLET)
    assert member is not None
    assert (member.profile.id, member.macs) == ("guest", (TABLET,))
    assert home.reason(TABLET, "pornhub.com") is Reason.CATEGORY


@pytest.mark.parametrize("place", ["", "guest"])
def test_one_guest_is_paused_and_no_other(home: Home, place: str) -> None:
    other = "02:00:00:00:00:98"
    for mac in (STRANGER, other):
        home.store.devices.place(mac, place, at=NOON)
    home.store.pause(STRANGER, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.PAUSED
    assert home.reason(other, "www.example.org") is Reason.OPEN
    home.store.resume(STRANGER, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.OPEN
    assert home.family.member_of(STRANGER) is home.family.member_of(other)


@pytest.mark.parametrize("mac", [TABLET, STRANGER])
def test_a_managed_device_has_its_schools_tunnel(tmp_path: Path, mac: str) -> None:
    home = Home(tmp_path, managed={mac: ["nordvpn.com"]})
    assert home.reason(mac, "de.nordvpn.com") is Reason.FAMILY_ALLOW
    assert home.reason(mac, "protonvpn.com") is Reason.CATEGORY
    for other in (PHONE, "02:00:00:00:00:1a", "02:00:00:00:00:98"):
        assert home.reason(other, "de.nordvpn.com") is Reason.CATEGORY
    home.store.pause("daughter" if mac == TABLET else mac, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(mac, "de.nordvpn.com") is Reason.PAUSED
    home.store.close()


def test_a_younger_band_brings_back_no_more_log(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "son.yaml"
    for band, level in (("10-12", 2), ("6-9", 2), ("13-15", 1), ("6-9", 1), ("0-5", 1)):
        file.write_text(f'band: {band}\ndevices: ["{PHONE}"]\n')
        home.rules.reload()
        home.rules.settle(home.store.hold_band, lambda one: one)
        home.rebuild()
        member = home.family.member_of(PHONE)
        assert member is not None
        assert member.profile.rules.log_level == level, band


def test_a_visitor_is_a_guest_whom_the_familys_night_does_not_close(home: Home) -> None:
    visitor, guest = STRANGER, "02:00:00:00:00:98"
    night = NOON + timedelta(hours=12)
    home.store.devices.place(visitor, "visitor", at=NOON, until=NOON + timedelta(hours=18))
    home.store.devices.place(guest, "guest", at=NOON)
    home.rebuild()
    found = {mac: home.family.member_of(mac) for mac in (visitor, guest, "02:00:00:00:00:97")}
    reasons = {}
    for mac, member in found.items():
        assert member is not None
        reasons[mac] = member.decide(Observation(Proto.DNS, "www.example.org"), night).reason
    assert reasons == {visitor: Reason.OPEN, guest: Reason.BEDTIME, "02:00:00:00:00:97": Reason.BEDTIME}
    assert home.reason(visitor, "pornhub.com") is Reason.CATEGORY
    assert not home.store.devices.lapse(NOON)
    assert home.store.devices.lapse(NOON + timedelta(hours=18))
    home.rebuild()
    assert home.family.member_of(visitor) is home.family.member_of("02:00:00:00:00:97")
    assert not home.store.devices.lapse(NOON + timedelta(hours=19))
