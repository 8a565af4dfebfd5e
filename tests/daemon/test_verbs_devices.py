"""What the control socket tells of devices, and what dnsmasq's hook may tell it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.protocol import WEB_VERBS, Role
from gateway.errors import ControlError, GatewayError
from gateway.home.neighbours import Neighbour
from gateway.wire.dhcp import Dhcp
from gateway.wire.overheard import Overheard
from tests.daemon.conftest import Make
from tests.daemon.desk import STRANGER, TABLET, Desk

NOON = "2026-11-24T12:00"


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
        "mac": STRANGER, "name": STRANGER, "online": False, "ip": None, "profile": "guest",
        "vendor": "", "kind": "", "model": "", "random": True, "addresses": ["192.168.77.99"], "names": [],
        "behind": ["02:00:00:00:00:77"], "through": [], "no_mobile_data": False,
        "first_seen": desk.clock.at, "last_seen": desk.clock.at, "question": None,
    }  # fmt: skip
    meet(desk, "02:00:00:00:00:77")
    assert listed(desk, "02:00:00:00:00:77")["through"] == [STRANGER]
    assert listed(desk, TABLET)["profile"] == "daughter"
    assert listed(desk, TABLET)["first_seen"] is None


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


def test_only_root_may_scan_and_tell_of_leases(make: Make) -> None:
    desk = make(NOON)
    for verb in ("scan", "lease"):
        assert verb not in WEB_VERBS
        with pytest.raises(ControlError, match="only root"):
            desk.ask(verb, Role.WEB, action="add", mac=STRANGER)


def test_a_scan_is_started_and_looked_at(make: Make) -> None:
    desk = make(NOON)
    assert not desk.ask("scan", look=True)["running"]
    assert desk.ask("scan")["running"]
    scanning = desk.presence.scanning
    scanning.running, scanning.found = False, frozenset({STRANGER})
    assert desk.ask("scan", look=True) == {"running": False, "found": [STRANGER], "problem": ""}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
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
