"""What the control socket tells of devices, and what dnsmasq's hook may tell it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.household.slot_assignment import PRESENT
from gateway.lan.neighbours import Neighbour
from gateway.policy.accounts.people import Account
from gateway.policy.identity.sharing import DeviceUse, UseKind
from gateway.policy.profile.rules import HOME
from gateway.policy.values import Reason
from gateway.store.tables.grants import GrantKind, GrantRow, SiteOpening
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard
from tests.features.conftest import Make
from tests.features.desk import NOON, STRANGER, TABLET, Desk


def meet(desk: Desk, mac: str = STRANGER) -> None:
    desk.presence.inventory.neighbour(Neighbour(mac, "192.168.77.99", 3, online=False), event=True)


def listed(desk: Desk, mac: str = STRANGER) -> dict[str, object]:
    return next(one for one in desk.ask("devices")["devices"] if one["mac"] == mac)


def test_the_list_has_all_that_is_known(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    behind = Dhcp(4, 1, "02:00:00:00:00:77")
    desk.presence.inventory.heard(STRANGER, 3, Overheard(b"", dhcp=behind))
    assert listed(desk) == {
        "mac": STRANGER, "name": STRANGER, "online": True, "ip": "192.168.77.99", "profile": "guest",
        "sightings": "moment",
        "label": "", "own_name": STRANGER, "until": None, "shared": [], "managed": [], "asked": None,
        "system": "", "services": [],
        "vendor": "", "kind": "", "model": "", "random": True, "addresses": ["192.168.77.99"], "names": [],
        "behind": ["02:00:00:00:00:77"], "through": [], "no_mobile_data": False,
        "adult_proof": None, "opens": True, "undecided": False,
        "first_seen": desk.clock.at, "last_seen": desk.clock.at, "question": None,
    }  # fmt: skip
    meet(desk, "02:00:00:00:00:77")
    assert listed(desk, "02:00:00:00:00:77")["through"] == [STRANGER]
    assert listed(desk, TABLET)["profile"] == "daughter"
    assert listed(desk, TABLET)["first_seen"] is None


def test_a_device_of_the_first_run_waits_until_a_guardian_says_who_uses_it(make: Make) -> None:
    desk = make(NOON)
    television, printer, old = STRANGER, "02:00:00:00:00:98", "02:00:00:00:00:97"
    for mac, place in ((television, PRESENT), (printer, HOME), (old, HOME)):
        meet(desk, mac)
        desk.store.devices.place(mac, place, at=desk.clock.at, chosen=False)
    desk.presence.inventory.heard(printer, 3, Overheard(b"", dhcp=Dhcp(4, 1, printer, host_name="NPI4F2A10")))
    desk.ask("reload")
    assert listed(desk, printer)["kind"] == "thing"
    assert [listed(desk, mac)["profile"] for mac in (television, printer, old)] == ["guest", "home", "home"]
    assert [listed(desk, mac)["undecided"] for mac in (television, printer, old)] == [True] * 3
    assert desk.ask("status")["undecided_devices"] == 2, "the printer does not wait"
    desk.ask("assign", mac=old, profile="home", by="Mum")
    assert listed(desk, old)["undecided"] is False, "not filtered, by a guardian's choice"
    key = f"shared/{television}"
    desk.ask("edit_family", set={key: {"people": ["daughter", "son"]}}, by="Mum")
    assert (listed(desk, television)["undecided"], listed(desk, television)["profile"]) == (False, "daughter")
    assert desk.ask("status")["undecided_devices"] == 0
    desk.ask("edit_family", set={key: None}, by="Mum")
    assert listed(desk, television)["undecided"] is True, "without the sharing it is as before"
    desk.ask("assign", mac=television, profile="home", by="Mum")
    assert desk.ask("status")["undecided_devices"] == 0
    desk.restart()
    assert (listed(desk, television)["undecided"], listed(desk, television)["profile"]) == (False, "home")


def test_dnsmasq_tells_of_a_device_that_is_known(make: Make) -> None:
    desk = make(NOON)
    lease = {"action": "add", "mac": STRANGER, "ip": "192.168.77.99", "name": "lounge"}
    desk.ask("lease", **lease)
    assert desk.presence.inventory.traits(STRANGER) is None, "a lease makes no device"
    meet(desk)
    desk.ask("lease", **lease, supplied="Own.name", vendor_class="MSFT 5.0", options="1,3,300,x,6")
    traits = desk.presence.inventory.traits(STRANGER)
    assert traits is not None
    assert (traits.host_name, traits.vendor_class, traits.options) == ("Own", "MSFT 5.0", (1, 3, 6))
    assert listed(desk)["names"] == ["lounge", "Own"]
    desk.ask("lease", action="del", mac=STRANGER, name="other")
    assert listed(desk)["names"] == ["lounge", "Own"]


@pytest.mark.parametrize(
    "values",
    [{}, {"mac": "x", "action": "add"}, {"mac": STRANGER}, {"mac": STRANGER, "action": "init"},
     {"mac": STRANGER, "action": "add", "name": "a\nb"}, {"mac": STRANGER, "action": "add", "options": [1]}],
)  # fmt: skip
def test_what_is_no_lease(make: Make, values: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        make(NOON).ask("lease", **values)


def test_only_root_may_tell_of_leases(make: Make) -> None:
    desk = make(NOON)
    assert "lease" not in WEB_VERBS
    with pytest.raises(ControlError, match="only root"):
        desk.ask("lease", Role.WEB, action="add", mac=STRANGER)


def test_a_scan_is_started_and_looked_at(make: Make) -> None:
    desk = make(NOON)
    assert not desk.ask("scan", look=True)["running"]
    assert desk.ask("scan")["running"]
    scanning = desk.presence.scanning
    scanning.running, scanning.found = False, frozenset({STRANGER})
    assert desk.ask("scan", look=True) == {"running": False, "found": [STRANGER], "problem": ""}


def guardian(desk: Desk) -> dict[str, str]:
    desk.store.people.put(Account("Mum", secret="stamp"))
    return {"by": "Mum", "origin": "192.168.77.7"}


def audit(desk: Desk) -> list[tuple[str, str, str, str]]:
    return [(line.who, line.what, line.detail, line.origin) for line in desk.store.audit.lines()]


def test_the_pages_may_scan_for_a_guardian_and_not_all_the_time(make: Make) -> None:
    desk = make(NOON)
    with pytest.raises(ControlError) as refused:
        desk.ask("scan", Role.WEB, by="Nobody")
    assert refused.value.code == Code.NO_GUARDIAN
    who = guardian(desk)
    assert desk.ask("scan", Role.WEB, **who)["running"]
    scanning = desk.presence.scanning
    scanning.wait = 12.3
    assert desk.ask("scan", Role.WEB, **who)["running"], "one that runs is only looked at"
    scanning.running = False
    with pytest.raises(ControlError) as refused:
        desk.ask("scan", Role.WEB, **who)
    assert (refused.value.code, refused.value.values) == (Code.SCANNED_JUST_NOW, {"seconds": 13})
    assert not desk.ask("scan", Role.WEB, look=True)["running"], "to look is always allowed"
    assert desk.ask("scan")["running"], "the command is root's, who may"


def test_a_guardian_s_name_goes_before_the_device_s_own(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    who = guardian(desk)
    named = desk.ask("name_device", Role.WEB, mac=STRANGER, name="Kitchen <b>", **who)
    assert named == {"name": "Kitchen <b>", "was": ""}
    assert (listed(desk)["name"], listed(desk)["label"]) == ("Kitchen <b>", "Kitchen <b>")
    assert audit(desk)[0] == ("Mum", "name_device", f"{STRANGER} Kitchen <b>", "192.168.77.7")
    assert desk.heard("device")[-1]["name"] == "Kitchen <b>"
    desk.restart()
    meet(desk)
    assert listed(desk)["name"] == "Kitchen <b>"
    assert desk.ask("name_device", Role.WEB, mac=STRANGER, **who)["was"] == "Kitchen <b>"
    assert listed(desk)["name"] == STRANGER


@pytest.mark.parametrize(
    "values",
    [{"name": "a\nb"}, {"name": "x" * 41}, {"name": 3}, {"name": "\u202eabc"}, {"mac": "x"}, {"by": "Dad"}],
)
def test_what_is_no_name(make: Make, values: dict[str, object]) -> None:
    desk = make(NOON)
    meet(desk)
    with pytest.raises(ControlError):
        desk.ask("name_device", Role.WEB, **{"mac": STRANGER, "name": "Radio", **guardian(desk), **values})
    assert desk.store.notes.labels() == {}


def test_the_pages_name_and_assign_no_device_that_is_not_here(make: Make) -> None:
    desk = make(NOON)
    who = guardian(desk)
    for verb, values in (("name_device", {"name": "Radio"}), ("assign", {"profile": "son"}), ("forget", {})):
        assert verb in WEB_VERBS
        with pytest.raises(ControlError) as refused:
            desk.ask(verb, Role.WEB, mac="02:00:00:00:00:55", **values, **who)
        assert refused.value.code == Code.NO_DEVICE
    assert desk.ask("assign", mac="02:00:00:00:00:55", profile="son")["profile"] == "son", "the command may"


def test_the_pages_assign_for_a_guardian_and_back(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    with pytest.raises(ControlError):
        desk.ask("assign", Role.WEB, mac=STRANGER, profile="son", by="Nobody")
    who = guardian(desk)
    answer = desk.ask("assign", Role.WEB, mac=STRANGER, profile="son", **who)
    assert (answer["profile"], answer["was"]) == ("son", "guest")
    assert audit(desk)[0] == ("Mum", "assign", f"{STRANGER} son", "192.168.77.7")
    assert desk.ask("assign", Role.WEB, mac=STRANGER, profile="guest", **who)["was"] == "son"
    assert desk.ask("device", mac=STRANGER)["profile"] == "guest"


def test_a_shared_device_stays_shared(make: Make) -> None:
    desk = make(NOON, shared={STRANGER: {"people": ["daughter", "son"]}})
    meet(desk)
    assert listed(desk)["shared"] == ["daughter", "son"]
    for verb, values in (("assign", {"profile": "son"}), ("forget", {})):
        with pytest.raises(ControlError) as refused:
            desk.ask(verb, Role.WEB, mac=STRANGER, **values, **guardian(desk))
        assert refused.value.code == Code.DEVICE_SHARED


def test_all_that_is_kept_goes_with_a_device_that_is_forgotten(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    desk.store.notes.seen(STRANGER, ["192.168.77.99"], desk.clock.at)
    who = guardian(desk)
    desk.ask("name_device", Role.WEB, mac=STRANGER, name="Radio", **who)
    one = desk.ask("devices", Role.WEB, mac=STRANGER)["devices"][0]
    at = desk.clock.at
    assert one["history"] == [{"address": "192.168.77.99", "first": at, "last": at}]
    desk.ask("forget", Role.WEB, mac=STRANGER, **who)
    assert audit(desk)[0] == ("Mum", "forget", STRANGER, "192.168.77.7")
    assert STRANGER not in {one["mac"] for one in desk.ask("devices")["devices"]}
    meet(desk)
    desk.store.devices.seen(STRANGER, desk.clock.at)
    again = desk.ask("devices", mac=STRANGER)["devices"][0]
    assert (again["label"], again["history"], again["profile"]) == ("", [], "guest")


def test_a_device_that_is_forgotten_has_no_pause_extra_time_opening_or_user(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    desk.ask("assign", mac=STRANGER, profile="guest", by="Mum")
    desk.ask("pause", who=STRANGER, by="Mum")
    store, now = desk.store, desk.local_now()
    later = now + timedelta(days=1)
    given = GrantRow(1, STRANGER, store.today(now), "internet", 30, later, None, now, "Mum", GrantKind.GRANT)
    store.grants.give([given], audit_text="")
    store.grants.open(SiteOpening(1, STRANGER, "example.com", later, now, "Mum"))
    store.uses.put(DeviceUse(STRANGER, "son", UseKind.HANDED, now, None, "Mum"))
    desk.ask("pause", who="son", by="Mum")
    desk.ask("forget", mac=STRANGER, by="Mum")
    desk.restart()
    meet(desk)
    force = desk.store.state(now)
    assert ([pause.who for pause in force.pauses], force.given, force.openings) == (["son"], (), ())
    assert STRANGER not in desk.store.uses.all()
    assert desk.reason(STRANGER) is not Reason.PAUSED


def test_the_list_for_a_page_is_brief_and_says_to_whom_a_device_may_go(make: Make) -> None:
    desk = make(NOON)
    meet(desk)
    answer = desk.ask("devices", Role.WEB, brief=True)
    assert {"id": "son", "name": "Son", "child": True} in answer["people"]
    assert not answer["scanning"]
    one = next(one for one in answer["devices"] if one["mac"] == STRANGER)
    assert "addresses" not in one
    assert one["asked"] is None


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(["name", "supplied", "vendor_class", "options"]),
                       st.one_of(st.text(max_size=400), st.integers(), st.none())))  # fmt: skip
def test_any_text_is_taken_or_refused_and_never_grows(make: Make, values: dict[str, object]) -> None:
    desk = make(NOON)
    meet(desk)
    try:
        desk.ask("lease", action="add", mac=STRANGER, **values)
    except GatewayError:
        pass
    sight = desk.presence.inventory.sight(STRANGER)
    assert sight is not None
    assert all(len(name) <= 64 and name.isprintable() for name in (*sight.names, sight.traits.vendor_class))
    assert len(sight.traits.options) <= 64
    desk.stop()
