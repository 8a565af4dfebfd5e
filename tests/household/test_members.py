"""Tests of members: slots, places, situations, unassigned devices and a filter test's device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app.daemon import Daemon
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.household.members import Member, ProbeAssignment, SlotChange
from gateway.household.presence import settle_appliances, stayed
from gateway.household.rule_book import RuleBook
from gateway.household.slot_assignment import PRESENT
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from gateway.policy.time.time_rules import FOREVER
from gateway.policy.values import Observation, Proto, Reason, Verdict
from gateway.store.tables.grants import SiteOpening
from gateway.wire.dns.svcb import Unwanted
from tests.household.a_home import MUMS, NOON, PHONE, STRANGER, TABLET, Examining, Home, asked_about, built
from tests.household.household_files import DAUGHTER, SON, Rules

LANS = ["br-lan", "br-guest", "lan.7", "lan.8"]
AUDITED = "02:5a:91:c3:07:e4"
NIGHT = NOON + timedelta(hours=10)  # ten in the evening


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
        home.store.pauses.pause("daughter", until=None, by=by, at=NOON)
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


@pytest.mark.parametrize(
    ("daughter", "son", "reason", "slot"),
    [
        (DAUGHTER, SON, Reason.CATEGORY, True),
        ({**DAUGHTER, "band": "adult"}, {**SON, "band": "adult"}, Reason.UNFILTERED, False),
    ],
    ids=["a child", "no child"],
)
def test_a_device_of_the_first_run_is_a_guest_as_soon_as_there_is_a_child(
    tmp_path: Path, daughter: Rules, son: Rules, reason: Reason, slot: bool
) -> None:
    home = Home(tmp_path, daughter, son, unknown_devices="quarantine")
    home.store.devices.place(STRANGER, PRESENT, at=NOON, chosen=False)
    home.rebuild()
    assert home.reason(STRANGER, "pornhub.com") is reason
    assert (home.family.member_of(STRANGER) is not None) is slot
    home.store.close()


def test_where_unknown_devices_are_not_filtered_a_device_of_the_first_run_is_not_either(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, unknown_devices="home")
    home.store.devices.place(STRANGER, PRESENT, at=NOON, chosen=False)
    home.rebuild()
    assert home.family.member_of(STRANGER) is None
    home.store.close()


PRINTER = Sighting(Traits(mac=STRANGER, host_name="NPI4F2A10"))
BY_ITS_CLIENT = Sighting(Traits(mac=PHONE, vendor_class="udhcp 1.36.1"))


def test_only_a_clear_appliance_of_the_first_run_is_not_filtered_and_only_in_its_first_day(
    home: Home,
) -> None:
    devices, seen = home.store.devices, {STRANGER: PRINTER, PHONE: BY_ITS_CLIENT}
    for mac in seen:
        devices.place(mac, PRESENT, at=NOON, chosen=False)

    def settled(at: datetime) -> bool:
        return settle_appliances(devices, lambda mac: home.rules.is_appliance(seen[mac]), at)

    assert not settled(NOON + timedelta(hours=25)), "renamed later, it gains nothing"
    assert settled(NOON + timedelta(hours=1))
    assert [devices.all()[mac].place for mac in (STRANGER, PHONE)] == ["home", PRESENT]
    assert devices.all()[STRANGER].placed is None, "no guardian chose it"
    assert not settled(NOON + timedelta(hours=1))


def test_a_shared_device_has_the_youngest_ones_rules(tmp_path: Path) -> None:
    home = Home(tmp_path, shared={STRANGER: {"people": ["daughter", "son"]}})
    member = home.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.id == "daughter"
    home.store.close()


def test_pauses_by_profile_device_and_all(home: Home) -> None:
    end = NOON + timedelta(minutes=30)
    home.store.pauses.pause("daughter", until=end, by="Mum", at=NOON)
    changed = home.family.situate(NOON)
    assert changed == home.family.slots_of("daughter")
    assert len(changed) == 2
    assert home.reason(TABLET, "www.example.org") is Reason.PAUSED
    assert home.reason(PHONE, "www.example.org") is Reason.OPEN
    home.store.pauses.resume("daughter", by="Mum", at=NOON)
    home.store.pauses.pause(TABLET, until=None, by="Mum", at=NOON)
    home.family.situate(NOON)
    member = home.family.member_of(TABLET)
    assert member is not None
    assert member.situation.paused_until == FOREVER
    assert home.reason("02:00:00:00:00:1a", "www.example.org") is Reason.OPEN
    home.store.pauses.pause("all", until=end, by="Mum", at=NOON)
    home.family.situate(NOON)
    assert home.reason(PHONE, "www.example.org") is Reason.PAUSED
    assert home.reason(STRANGER, "www.example.org") is Reason.OPEN  # a guest is no child
    assert home.reason(MUMS, "www.example.org") is Reason.UNFILTERED


def test_off_stops_categories_for_everyone(home: Home) -> None:
    home.store.pauses.off(until=NOON + timedelta(hours=1), by="Mum", at=NOON)
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


def test_a_slot_that_another_device_or_child_gets_is_reported_once(home: Home, tmp_path: Path) -> None:
    def rebuild() -> dict[int, SlotChange]:
        home.rules.reload()
        return home.family.rebuild(home.rules.household, home.rules.world, home.rules.calendar, NOON)

    def devices(profile: str, *macs: str) -> None:
        (tmp_path / "profiles" / f"{profile}.yaml").write_text(f"band: 6-9\ndevices: {list(macs)}\n")

    phone = home.family.slot_of(PHONE)
    assert rebuild() == {}
    devices("son")
    home.store.slots.forget(PHONE)
    assert rebuild() == {}  # the slot is free
    devices("son", STRANGER)
    assert rebuild() == {phone: SlotChange.DEVICE}
    assert home.family.slot_of(STRANGER) == phone
    assert rebuild() == {}
    devices("son")
    devices("daughter", TABLET, STRANGER)
    assert rebuild() == {phone: SlotChange.PERSON}


def daemon_of(home: Home, refusals: RecentRefusals, taught: list[int]) -> Any:
    """The parts of a daemon that assign the slots. ``taught``: gets slots whose stored answers are read."""
    return SimpleNamespace(
        rules=home.rules,
        clock=SimpleNamespace(now=lambda: NOON),
        store=home.store,
        features=SimpleNamespace(self_set=SimpleNamespace(laid=lambda profile: profile)),
        presence=SimpleNamespace(claim=home.rules),
        family=home.family,
        names=home.names,
        decision_log=SimpleNamespace(recent=refusals),
        own_answers=SimpleNamespace(keep=lambda _: None, teach=taught.append),
        _caches=(home.book,),
    )


def test_the_daemon_deletes_what_is_stored_about_the_former_device_of_a_slot(
    home: Home, tmp_path: Path
) -> None:
    slot, taught, refusals = home.family.slot_of(PHONE), list[int](), RecentRefusals()
    seen = Observation(Proto.DNS, "www.example.org")
    home.book.learn(slot, [bytes(4)], 60, 0.0)
    home.names.learn(slot, "www.example.org", [bytes(4)], 60, 0.0, vouched=True)
    refusals.add(slot, NOON, seen, home.family.subjects[slot].decide(seen, NOON))
    daemon = daemon_of(home, refusals, taught)

    def stored() -> tuple[bool, bool, bool]:
        return (
            home.book.knows(slot, bytes(4), 0.0),
            home.names.gave(slot, "www.example.org", bytes(4), 0.0),
            bool(refusals.of(frozenset({slot}), NOON)),
        )

    Daemon._group(daemon)
    assert stored() == (True, True, True)
    (tmp_path / "profiles" / "son.yaml").write_text(f'band: 10-12\ndevices: ["{STRANGER}"]\n')
    home.store.slots.forget(PHONE)
    home.rules.reload()
    Daemon._group(daemon)
    assert home.family.slot_of(STRANGER) == slot
    assert stored() == (False, False, False)
    assert taught == [slot]


def test_the_same_device_keeps_its_addresses_for_another_child_and_shows_no_former_blocks(
    home: Home, tmp_path: Path
) -> None:
    slot, refusals = home.family.slot_of(PHONE), RecentRefusals()
    seen = Observation(Proto.DNS, "www.example.org")
    home.book.learn(slot, [bytes(4)], 60, 0.0)
    refusals.add(slot, NOON, seen, home.family.subjects[slot].decide(seen, NOON))
    daemon = daemon_of(home, refusals, [])
    Daemon._group(daemon)
    (tmp_path / "profiles" / "son.yaml").write_text("band: 10-12\n")
    (tmp_path / "profiles" / "daughter.yaml").write_text(f'band: 6-9\ndevices: ["{TABLET}", "{PHONE}"]\n')
    home.rules.reload()
    Daemon._group(daemon)
    assert home.family.slot_of(PHONE) == slot
    assert home.book.knows(slot, bytes(4), 0.0)
    assert not refusals.of(frozenset({slot}), NOON)


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
    home.store.pauses.pause(STRANGER, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.PAUSED
    assert home.reason(other, "www.example.org") is Reason.OPEN
    home.store.pauses.resume(STRANGER, by="Mum", at=NOON)
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
    home.store.pauses.pause("daughter" if mac == TABLET else mac, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(mac, "de.nordvpn.com") is Reason.PAUSED
    home.store.close()


def test_a_younger_band_brings_back_no_more_log(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "son.yaml"
    for band, level in (("10-12", 2), ("6-9", 2), ("13-15", 1), ("6-9", 1), ("0-5", 1)):
        file.write_text(f'band: {band}\ndevices: ["{PHONE}"]\n')
        home.rules.reload()
        home.rules.settle(home.store.held_bands.hold, lambda one: one)
        home.rebuild()
        member = home.family.member_of(PHONE)
        assert member is not None
        assert member.profile.rules.log_level == level, band


def test_an_adult_guest_is_a_guest_whom_the_familys_night_does_not_close(home: Home) -> None:
    adult_guest, guest = STRANGER, "02:00:00:00:00:98"
    night = NOON + timedelta(hours=12)
    home.store.devices.place(adult_guest, "visitor", at=NOON, until=NOON + timedelta(hours=18))
    home.store.devices.place(guest, "guest", at=NOON)
    home.rebuild()
    found = {mac: home.family.member_of(mac) for mac in (adult_guest, guest, "02:00:00:00:00:97")}
    reasons = {}
    for mac, member in found.items():
        assert member is not None
        reasons[mac] = member.decide(Observation(Proto.DNS, "www.example.org"), night).reason
    assert reasons == {adult_guest: Reason.OPEN, guest: Reason.BEDTIME, "02:00:00:00:00:97": Reason.BEDTIME}
    assert home.reason(adult_guest, "pornhub.com") is Reason.CATEGORY
    assert not home.store.devices.lapse(NOON)
    assert home.store.devices.lapse(NOON + timedelta(hours=18))
    home.rebuild()
    assert home.family.member_of(adult_guest) is home.family.member_of("02:00:00:00:00:97")
    assert not home.store.devices.lapse(NOON + timedelta(hours=19))


def test_a_stranger_is_a_guest(home: Home) -> None:
    member = home.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.id == "guest"
    assert home.family.unknown == member.slot
    assert home.reason(STRANGER, "pornhub.com") is Reason.CATEGORY


@pytest.mark.parametrize(
    ("who", "reason"),
    [("home", Reason.UNFILTERED), ("quarantine", Reason.QUARANTINED), ("daughter", Reason.FAMILY_BLOCK)],
)
def test_or_what_the_family_says(tmp_path: Path, who: str, reason: Reason) -> None:
    home = Home(tmp_path, unknown_devices=who)
    assert home.reason(STRANGER, "www.tiktok.com") is reason
    assert home.reason(TABLET, "www.tiktok.com") is Reason.FAMILY_BLOCK
    home.store.close()


def who(home: Home, mac: str, interface: str | None = None) -> str:
    member = home.family.member_of(mac, interface)
    if member is None:
        return "home"
    return "quarantine" if member.quarantined else member.profile.id


def test_strangers_by_the_interface_on_which_they_are(tmp_path: Path) -> None:
    home = Home(
        tmp_path,
        lan=LANS,
        unknown_devices="home",
        interfaces={"br-guest": "guest", "lan.7": "quarantine", "lan.8": "Daughter"},
    )
    assert [who(home, STRANGER, name) for name in LANS] == ["home", "guest", "quarantine", "daughter"]
    assert {who(home, TABLET, name) for name in LANS} == {"daughter"}
    assert {who(home, MUMS, name) for name in LANS} == {"home"}
    home.where[STRANGER] = "br-guest"
    assert who(home, STRANGER) == "guest"
    assert who(home, "02:00:00:00:00:98") == "home"
    unassigned = home.family.unassigned
    assert home.family.unknown is None
    assert [home.family.members[slot].profile.id for slot in unassigned.values() if slot] == [
        "guest",
        "guest",
        "daughter",
    ]
    home.store.devices.place(STRANGER, "guest", at=NOON)  # a guest by name is one everywhere
    home.rebuild()
    assert {who(home, STRANGER, name) for name in LANS} == {"guest"}
    assert home.family.member_of(STRANGER) is home.family.member_of("02:00:00:00:00:98", "br-guest")
    home.store.close()


def test_equal_defaults_are_one_slot(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, interfaces={"br-guest": "guest", "lan.7": "home", "lan.8": "home"})
    assert home.family.unassigned == {"br-guest": home.family.unknown, "lan.7": None, "lan.8": None}
    home.store.close()


def test_a_paused_stranger_has_the_rules_of_its_network(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, unknown_devices="home", interfaces={"br-guest": "guest"})
    home.where[STRANGER] = "br-guest"
    home.store.pauses.pause(STRANGER, until=None, by="Mum", at=NOON)
    home.rebuild()
    assert home.reason(STRANGER, "www.example.org") is Reason.PAUSED
    assert who(home, STRANGER, "br-guest") == "guest"
    home.where[STRANGER] = "br-lan"
    home.rebuild()
    assert who(home, STRANGER) == "home"
    home.store.close()


def test_a_device_about_which_is_asked_has_a_slot_of_its_own_on_every_network(tmp_path: Path) -> None:
    """Beside the child's rules hold those of the network on which it is."""
    interfaces = {"br-guest": "guest", "lan.7": "quarantine"}
    home = Home(tmp_path, lan=LANS, unknown_devices="home", interfaces=interfaces)
    question = IdentityQuestion(STRANGER, Ask.AGAIN, NOON, profile="daughter", known=TABLET)
    home.store.questions.put(question, lambda _: None, NOON)
    for interface, otherwise in (("br-lan", None), ("br-guest", "guest")):
        home.where[STRANGER] = interface
        home.rebuild()
        for name in LANS:
            found = home.family.member_of(STRANGER, name)
            assert found is not None
            assert (found.macs, found.profile.id, found.asked) == ((STRANGER,), "daughter", True)
            assert (found.beside and found.beside.profile.id) == otherwise
    home.where[STRANGER] = "lan.7"
    home.rebuild()
    found = home.family.member_of(STRANGER, "lan.7")
    assert found is not None
    assert (found.quarantined, found.asked) == (True, False)
    home.store.close()


def test_a_flow_that_runs_asks_both_judges_as_running(tmp_path: Path) -> None:
    """An answer that has lapsed meanwhile ends it not, whoever of the two wants one; a pause does."""
    strict = {"mode": "allow-list", "allow": ["khanacademy.org"]}
    for who in ("daughter", "son"):
        (tmp_path / who).mkdir()
        rules: dict[str, Rules] = {"daughter": DAUGHTER, "son": SON}
        rules[who] = {**rules[who], **strict}
        home = Home(tmp_path / who, **rules, unknown_devices="son")
        member = asked_about(home, "daughter", TABLET)
        assert home.names.watches(member.slot)
        seen = Observation(Proto.TLS, "www.khanacademy.org", b"\xc6\x33\x64\x07", 443)
        assert member.decide(seen, NOON).reason is Reason.UNRESOLVED
        assert member.decide_running(seen, NOON).verdict is Verdict.ALLOW
        home.store.pauses.pause(who, until=None, by="Mum", at=NOON)
        home.family.situate(NOON)
        assert member.decide_running(seen, NOON).reason is Reason.PAUSED
        home.store.close()


def test_strangers_are_guests_while_the_file_of_their_profile_is_broken(tmp_path: Path) -> None:
    home = Home(tmp_path, lan=LANS, unknown_devices="son", interfaces={"br-guest": "daughter"})
    for name in ("son", "daughter"):
        (tmp_path / "profiles" / f"{name}.yaml").write_text("band: oops\n")
    home.rules = RuleBook(tmp_path / "qalqan.yaml")
    home.rebuild()
    assert [who(home, STRANGER, name) for name in LANS] == ["guest"] * 4
    home.store.close()


def assign_probe(home: Home, who: str = "daughter", at: datetime = NOON) -> Member | None:
    probe = ProbeAssignment(who, AUDITED, 99)
    return home.family.assign_probe(probe, home.rules.household, home.rules.world, at)


def worn_reason(home: Home, host: str, at: datetime = NOON) -> Reason:
    return home.family.subjects[99].decide(Observation(Proto.DNS, host), at).reason


def test_an_audit_s_device_has_somebody_s_rules_and_is_no_member(home: Home) -> None:
    members, slots = dict(home.family.members), home.family.slots_of("daughter")
    made = assign_probe(home)
    assert made is not None
    assert (made.profile.id, made.macs) == ("daughter", (AUDITED,))
    assert worn_reason(home, "www.tiktok.com") is Reason.FAMILY_BLOCK
    assert worn_reason(home, "www.example.org") is Reason.OPEN
    assert home.family.members == members
    assert home.family.slots_of("daughter") == slots
    assert home.family.everybody == {**members, 99: made}
    assert home.family.slot_of(AUDITED) == 99
    stranger = home.family.member_of(AUDITED)
    assert stranger is not None
    assert stranger.profile.id == "guest"
    home.family.release_probe()
    assert home.family.everybody == members
    assert 99 not in home.family.subjects
    assert home.family.slot_of(AUDITED) == home.family.unknown


@pytest.mark.parametrize("what", ["night", "pause", "device", "off", "clock", "limit"])
def test_time_is_set_aside(tmp_path: Path, what: str) -> None:
    home = Home(
        tmp_path, daughter={**DAUGHTER, "limits": {"internet": "0m"}} if what == "limit" else DAUGHTER
    )
    at = NIGHT if what == "night" else NOON
    if what == "clock":
        home.family._clock_known = lambda: False
    elif what in ("pause", "device"):
        home.store.pauses.pause("daughter" if what == "pause" else TABLET, until=None, by="Mum", at=NOON)
    elif what == "off":
        home.store.pauses.off(until=NOON + timedelta(hours=1), by="Mum", at=NOON)
    home.family.situate(at)
    assert home.reason(TABLET, "www.example.org", at) is not Reason.OPEN, "so it is for herself"
    assert assign_probe(home, TABLET if what == "device" else "daughter", at) is not None
    assert worn_reason(home, "www.example.org", at) is Reason.OPEN
    assert worn_reason(home, "www.roblox.com", at) is Reason.OPEN, "at noon its window is closed"
    assert worn_reason(home, "www.tiktok.com", at) is Reason.FAMILY_BLOCK
    home.store.close()


def test_but_a_pause_of_the_audit_s_own(home: Home) -> None:
    made = assign_probe(home)
    assert made is not None
    assert made.probe is not None
    for paused, reason in ((True, Reason.PAUSED), (False, Reason.OPEN)):
        made.probe.paused = paused
        assert home.family.situate(NOON) == {99}
        assert worn_reason(home, "www.example.org") is reason
        assert home.reason(TABLET, "www.example.org") is Reason.OPEN


def test_what_a_guardian_opened_for_her_is_open_for_it(home: Home) -> None:
    until = NOON + timedelta(hours=1)
    home.store.grants.open(SiteOpening(1, "daughter", "pornhub.com", until, NOON, "Mum"))
    home.family.situate(NOON)
    assign_probe(home)
    assert worn_reason(home, "pornhub.com") is home.reason(TABLET, "pornhub.com") is Reason.FAMILY_ALLOW
    assert worn_reason(home, "pornhub.com", until) is Reason.CATEGORY


def test_it_follows_her_rules_until_they_are_nobody_s(home: Home) -> None:
    assign_probe(home)
    household = home.rules.household
    daughter = household.profiles["daughter"]
    open_now = replace(daughter, rules=replace(daughter.rules, block=()))
    changed = household.with_profiles({**household.profiles, "daughter": open_now})
    home.family.rebuild(changed, home.rules.world, home.rules.calendar, NOON)
    home.family.situate(NOON)
    assert worn_reason(home, "www.tiktok.com") is not Reason.FAMILY_BLOCK
    gone = {key: one for key, one in household.profiles.items() if key != "daughter"}
    home.family.rebuild(household.with_profiles(gone), home.rules.world, home.rules.calendar, NOON)
    assert home.family.probe_member is None
    assert 99 not in home.family.subjects


def test_an_address_that_is_somebody_s_is_no_audit_s(home: Home) -> None:
    assign_probe(home)
    home.store.devices.place(AUDITED, "guest", at=NOON)
    home.rebuild()
    assert home.family.probe_member is None
    assert assign_probe(home, STRANGER) is None, "nor where it is asked for then"


def test_who_has_no_rules_cannot_be_worn(tmp_path: Path) -> None:
    home = Home(tmp_path, unknown_devices="quarantine")
    for who in (MUMS, STRANGER, "mum", "home"):
        assert assign_probe(home, who) is None, who
    home.store.close()


def test_the_double_of_a_device_about_which_is_asked_has_both_rules(home: Home) -> None:
    asked = asked_about(home, "daughter", TABLET)
    assert asked.beside is not None
    made = assign_probe(home, STRANGER)
    assert made is not None
    assert made.beside is not None
    assert (made.profile.id, made.beside.profile.id) == (asked.profile.id, asked.beside.profile.id)
    for host in ("www.tiktok.com", "pornhub.com", "www.example.org"):
        assert worn_reason(home, host) is home.reason(STRANGER, host), host
    assert worn_reason(home, "www.example.org", NIGHT) is Reason.OPEN


def test_who_has_just_come_may_be_a_childs_until_it_is_examined(tmp_path: Path) -> None:
    home = Examining(tmp_path)
    slot = home.family.slot_of(STRANGER)
    first = home.family.subjects[slot]
    for host, reason in {"www.tiktok.com": Reason.FAMILY_BLOCK, "pornhub.com": Reason.CATEGORY}.items():
        assert first.decide(Observation(Proto.DNS, host), NOON).reason is reason
    assert home.family.members[slot].profile.rules.log_level == 0
    assert home.family.members[slot].is_arriving
    assert slot not in home.family.slots_of("daughter"), "it is nobody's yet"
    assert home.family.slots_of_device(STRANGER) == {slot, home.family.unknown}
    own = {profile.id: profile for profile in home.family.profiles_in_use()}
    assert own["daughter"].rules.log_level, "her own minutes are stored as before"
    assert (home.family.arriving, home.family.examined()) == ({None: slot}, ())
    assert home.family.member_of(STRANGER) is home.family.members[home.family.unknown or 0], "on the pages"
    home.examined |= {STRANGER, TABLET}
    assert home.family.slot_of(STRANGER) == home.family.unknown
    assert home.family.examined() == (STRANGER,)
    home.store.close()


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        ({"unknown_devices": "quarantine"}, True),
        ({"unknown_devices": "daughter"}, True),
        ({"keep_profile": False}, True),
        ({"unknown_devices": "son"}, False),
        ({"unknown_devices": "home"}, False),
    ],
)
def test_who_has_just_come_has_no_more_than_what_is_strict_already(
    tmp_path: Path, settings: dict[str, Any], same: bool
) -> None:
    home = Examining(tmp_path, **settings)
    assert (home.family.arriving == {None: home.family.unknown}) is same
    slot = home.family.slot_of(STRANGER)
    member = home.family.members.get(slot)
    if not same:
        assert member is not None
        assert member.decide(Observation(Proto.DNS, "www.tiktok.com"), NOON).reason is Reason.FAMILY_BLOCK
    home.store.close()


def test_while_no_daemon_runs_who_has_just_come_is_as_open_as_any_new_device(tmp_path: Path) -> None:
    home = Examining(tmp_path, unknown_devices="home")
    assert home.family.members[home.family.slot_of(TABLET)].profile.closes
    assert not home.family.members[home.family.slot_of(STRANGER)].profile.closes
    home.store.close()


def test_where_no_child_has_a_device_who_has_just_come_is_a_guest(tmp_path: Path) -> None:
    bare = [{key: value for key, value in rules.items() if key != "devices"} for rules in (DAUGHTER, SON)]
    home = Examining(tmp_path, *bare)
    assert home.family.arriving == {None: home.family.unknown}
    home.store.close()


def test_devices_stay_examined_over_a_restart_if_they_were_here_for_a_minute(home: Home) -> None:
    table = home.store.devices
    for mac, first, last in ((TABLET, 0, 60), (PHONE, 59.5, 60), (MUMS, 0, 30)):
        for minute in (first, last):
            table.seen(mac, NOON + timedelta(minutes=minute))
    assert stayed(table.all()) == {TABLET}
    assert stayed({}) == frozenset()
